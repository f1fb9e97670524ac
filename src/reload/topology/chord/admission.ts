import { messageOf } from '#platform/failure.ts';
import type { IncomingRequest, Response } from '#reload/messaging/exchange.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import { within } from '#reload/topology/chord/ring.ts';
import { REPLICAS } from '#reload/topology/chord/routing-table.ts';
import type { Updates } from '#reload/topology/chord/updates.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { joinAns, joinReq } from '#reload/wire/join.ts';

/** Joiners that may wait for their turn. */
const MAX_WAITING = 64;

/**
 * The Admitting Peer's side of a Join (RFC 6940 §10.5, steps 5 to 7). Joiners are taken one by one. Until a joiner has acknowledged the
 * Update that makes it a peer, this peer answers for its section; what is stored there meanwhile, storage passes on as well.
 */
export class Admission {
  readonly #core: ChordCore;
  readonly #updates: Updates;
  readonly #admitted: (joiner: NodeId) => void;
  readonly #waiting: NodeId[] = [];
  #current: NodeId | undefined;

  constructor(core: ChordCore, updates: Updates, admitted: (joiner: NodeId) => void) {
    this.#core = core;
    this.#updates = updates;
    this.#admitted = admitted;
  }

  /** Handler of JoinReq. */
  take(request: IncomingRequest): Response {
    const { joiningPeerId } = decode(joinReq, request.body);
    checkAdjacent(request, joiningPeerId);
    if (!this.#core.joined()) throw refuse(ErrorCode.forbidden, 'this node is no peer yet');
    if (!this.#isNextBefore(joiningPeerId))
      throw refuse(ErrorCode.forbidden, 'another peer is next after this Node-ID');
    if (this.#waiting.length >= MAX_WAITING) throw refuse(ErrorCode.forbidden, 'too many nodes are joining here');
    // Also when it is its turn just now: it asks again because it missed the Update, which may have left already.
    if (!this.#waiting.includes(joiningPeerId)) this.#waiting.push(joiningPeerId);
    // The answer leaves before the first Store (RFC 6940 §6.4.2.1).
    this.#core.deps.clock.after(0, () => void this.#next());
    return { body: encode(joinAns, { overlaySpecificData: new Uint8Array() }) };
  }

  stop(): void {
    this.#waiting.length = 0;
  }

  async #next(): Promise<void> {
    if (this.#current !== undefined) return;
    const joiner = this.#waiting.shift();
    if (joiner === undefined) return;
    this.#current = joiner;
    try {
      await this.#admit(joiner);
    } catch (error) {
      this.#core.deps.log.warn('join failed', { joiner, why: messageOf(error) });
    }
    this.#current = undefined;
    void this.#next();
  }

  async #admit(joiner: NodeId): Promise<void> {
    const { deps, table } = this.#core;
    if (deps.links.get(joiner) === undefined || !this.#core.joined()) return;
    if (!this.#isNextBefore(joiner)) {
      // Another one joined in between. Its own Update tells the joiner whom to ask now.
      await this.#updates.send(joiner, 'neighbors');
      return;
    }
    // Beside its own section the joiner gets what it is to hold copies of: were it to wait for them, a peer lost now would take all
    // of its records with it, since the joiner answers for them next.
    const after = table.before(joiner, 1 + REPLICAS);
    await deps.handover.copyTo(joiner, (resource: ResourceId) => within(resource, after, joiner));
    const taken = await this.#updates.send(joiner, 'neighbors', table.neighboursWith([joiner]));
    if (!taken || deps.links.get(joiner) === undefined) return;
    deps.log.info('peer admitted', { joiner });
    this.#admitted(joiner);
  }

  /** Whether no peer stands between the node and this one. A peer that joins again is its own place. */
  #isNextBefore(node: NodeId): boolean {
    const { table } = this.#core;
    const { predecessors } = table.neighboursWith([node]);
    return predecessors[0] === node;
  }
}

/** Join and Leave come from the node itself, over its own link (RFC 6940 §6.4.2.1, §6.4.2.2). */
export function checkAdjacent(request: IncomingRequest, named: NodeId): void {
  if (request.signatory.nodeId !== named)
    throw refuse(ErrorCode.forbidden, 'the message names another node than its signer');
  const isDirect = request.previousHop === named && request.header.viaList.length === 0;
  if (!isDirect) throw refuse(ErrorCode.forbidden, 'the message did not come over the link of the node it names');
}
