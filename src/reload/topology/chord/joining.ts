import { delay } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import type { ChordCore, TopologyFault } from '#reload/topology/chord/core.ts';
import { FIRST_FINGERS } from '#reload/topology/chord/fingers.ts';
import { whoAnswersFor } from '#reload/topology/chord/pinging.ts';
import { nodesOf, type ReceivedUpdates } from '#reload/topology/chord/received-updates.ts';
import { byDistanceFrom, clockwise, fingerRange, isPeerOf, within } from '#reload/topology/chord/ring.ts';
import { attachThrough, ENTRANCE_PATIENCE } from '#reload/topology/entrance.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { joinReq } from '#reload/wire/join.ts';
import type { ChordUpdate } from '#reload/wire/update.ts';

/** How long a freshly attached peer may take to send its Update, in milliseconds. */
const UPDATE_PATIENCE = 3000;
/** How long the search for the first fingers may hold up a join. */
const FINGER_PATIENCE = 5000;
/** Attempts with other Admitting Peers in a row. */
const MAX_SUPERSEDED = 4;
/** Peers that name further peers that name further peers. */
const MAX_ROUNDS = 8;

/** What a join uses beside the core. */
export interface JoinParts {
  readonly acquaintance: Acquaintance;
  readonly received: ReceivedUpdates;
  /** Whether this node was a peer before: then it looks for its place by Ping (RFC 6940 §10.7.1). */
  readonly again: boolean;
  /** Resolves when `admittingPeer` made this node its predecessor; rejects with `superseded` when it names another. */
  admission(admittingPeer: NodeId, signal: AbortSignal): Promise<void>;
}

/** Tries one entrance after the other until the ring has taken this node in. Rejects with `Failure<TopologyFault>` when none led there. */
export async function joinOverlay(core: ChordCore, parts: JoinParts, signal: AbortSignal): Promise<void> {
  let last: unknown;
  for await (const entrance of entrancesOf(core, signal)) {
    if (entrance === core.deps.nodeId) continue;
    try {
      await joinPersistently(core, parts, entrance, signal);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (core.joined()) return;
      last = error;
      core.deps.log.info('could not join here', { entrance, why: messageOf(error) });
    }
  }
  const detail = 'no bootstrap node led into the overlay; check bootstrap-node in the configuration and the network';
  throw new Failure<TopologyFault>({ code: 'no-contact' }, detail, last);
}

async function* entrancesOf({ deps, table }: ChordCore, signal: AbortSignal): AsyncIterable<NodeId> {
  yield* table.peers();
  yield* deps.entrances.contacts(signal);
}

/** Others may join next to this place at the same time: then there is another Admitting Peer to ask. */
async function joinPersistently(
  core: ChordCore,
  parts: JoinParts,
  entrance: NodeId,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await joinThrough(core, parts, entrance, signal);
      return;
    } catch (error) {
      if (core.joined()) return;
      const superseded = error instanceof Failure && error.fault.code === 'superseded';
      if (!superseded || attempt >= MAX_SUPERSEDED) throw error;
    }
  }
}

/** One attempt to join the ring through a linked node (RFC 6940 §10.5, §11.4). Rejects when it did not succeed. */
async function joinThrough(core: ChordCore, parts: JoinParts, entrance: NodeId, signal: AbortSignal): Promise<void> {
  // Step 2: whoever answers for the place after the own Node-ID lets this node in.
  const place = clockwise(core.deps.nodeId, 1n);
  const admittingPeer = parts.again
    ? await findAgain(core, entrance, signal)
    : await attachThrough(core.deps, entrance, place, signal);
  const update = await parts.received.of(admittingPeer, UPDATE_PATIENCE);
  signal.throwIfAborted();
  const hasTables = update !== undefined && update.type !== 'peer_ready';
  const others = hasTables ? nodesOf(update) : await successorsByPing(core, admittingPeer, signal);
  const known = new Set<NodeId>([admittingPeer, ...others]);
  // RFC 6940 §10.5: no Update places this node in the ring before each future neighbour is attached.
  await Promise.all([
    attachNeighbours(core, parts, { admittingPeer, known }, signal),
    Promise.race([attachFingers(core, admittingPeer, update, signal), delay(core.deps.clock, FINGER_PATIENCE)]),
  ]);
  signal.throwIfAborted();
  // The Update that answers an earlier Join came meanwhile.
  if (core.joined()) return;
  const admitted = parts.admission(admittingPeer, signal);
  admitted.catch(() => {});
  await core.deps.exchange.request({
    destination: [nodeDestination(admittingPeer)],
    code: MessageCode.joinReq,
    body: encode(joinReq, { joiningPeerId: core.deps.nodeId, overlaySpecificData: new Uint8Array() }),
    firstHop: admittingPeer,
    signal,
  });
  await admitted;
}

/** RFC 6940 §10.7.1: a Ping through a connection that is left finds the peer to ask. */
async function findAgain({ deps }: ChordCore, entrance: NodeId, signal: AbortSignal): Promise<NodeId> {
  const options = { over: entrance, timeoutMs: ENTRANCE_PATIENCE, signal };
  const found = await whoAnswersFor(deps, clockwise(deps.nodeId, 1n), options);
  signal.throwIfAborted();
  if (found === undefined || found === deps.nodeId) {
    throw new Failure<TopologyFault>({ code: 'no-contact' }, 'nobody answers for the place after this node');
  }
  const destination = found === entrance ? [] : [nodeDestination(entrance)];
  await deps.attacher.attach([...destination, nodeDestination(found)], {
    sendUpdate: true,
    firstHop: entrance,
    signal,
  });
  return found;
}

/** Without the Admitting Peer's tables the successors are found one after the other (RFC 6940 §10.5). */
async function successorsByPing(core: ChordCore, admittingPeer: NodeId, signal: AbortSignal): Promise<Set<NodeId>> {
  const { deps, options } = core;
  const found = new Set<NodeId>();
  let last = deps.nodeId;
  while (found.size < options.neighboursPerSide) {
    const next = await whoAnswersFor(deps, clockwise(last, 1n), { over: admittingPeer, signal });
    if (next === undefined || next === deps.nodeId || found.has(next)) break;
    found.add(next);
    last = next;
  }
  return found;
}

/** Step 3: attaches to the future neighbours, as the Updates name them, until these name no closer one. */
async function attachNeighbours(
  core: ChordCore,
  { acquaintance, received }: JoinParts,
  { admittingPeer, known }: { readonly admittingPeer: NodeId; readonly known: Set<NodeId> },
  signal: AbortSignal,
): Promise<void> {
  const { table } = core;
  const tried = new Set<NodeId>([admittingPeer]);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    signal.throwIfAborted();
    for (const node of known) if (!isPeerOf(table.self, node)) known.delete(node);
    const { predecessors, successors } = table.neighboursWith(known);
    const wanted = [...new Set([...successors, ...predecessors])].filter(
      (node) => !tried.has(node) && !table.has(node),
    );
    if (wanted.length === 0) return;
    await Promise.all(
      wanted.map(async (node) => {
        tried.add(node);
        const reached = await acquaintance.attach(node, admittingPeer);
        const update = reached ? await received.of(node, UPDATE_PATIENCE) : undefined;
        if (update === undefined) known.delete(node);
        else for (const other of nodesOf(update)) known.add(other);
      }),
    );
  }
}

/** Step 3 for fingers: Attaches to 2^(128-i) ahead, for as long as that lies beyond the known successors. */
async function attachFingers(
  core: ChordCore,
  admittingPeer: NodeId,
  update: ChordUpdate | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { deps } = core;
  const near = update === undefined || update.type === 'peer_ready' ? undefined : update;
  if (near !== undefined && coversRing(near)) return;
  const successors = [admittingPeer, ...(near?.successors ?? [])].filter((node) => node !== deps.nodeId);
  const outermost = successors.sort(byDistanceFrom(deps.nodeId)).at(-1) ?? admittingPeer;
  const targets = Array.from({ length: FIRST_FINGERS }, (_, i) => fingerRange(deps.nodeId, i + 1).first).filter(
    (target) => !within(target, deps.nodeId, outermost),
  );
  await Promise.all(
    targets.map((target) =>
      deps.attacher
        .attach([resourceDestination(target)], { sendUpdate: true, firstHop: admittingPeer, signal })
        .catch((error: unknown) => deps.log.debug('finger not attached', { target, why: messageOf(error) })),
    ),
  );
}

/** In a small ring the two sides of a peer's neighbours meet, and there is nobody else. */
function coversRing({ predecessors, successors }: { predecessors: readonly NodeId[]; successors: readonly NodeId[] }) {
  return predecessors.length === 0 || successors.some((node) => predecessors.includes(node));
}
