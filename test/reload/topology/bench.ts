import { silentLogger } from '#platform/log.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { Chord } from '#reload/topology/chord/chord.ts';
import { type ChordOptions, defaultChordOptions } from '#reload/topology/chord/options.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type ChordUpdate, chordUpdate } from '#reload/wire/update.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { connect, createTestNetwork, type Tap, type TestNetwork, type TestNode } from '../messaging/network.ts';

/** The node whose first byte is `part`, in 256ths of the ring. */
export const at = (part: number) => part.toString(16).padStart(2, '0').padEnd(32, '0') as NodeId;

interface AttachCall {
  readonly destination: readonly Destination[];
  readonly sendUpdate: boolean;
  readonly firstHop: NodeId | undefined;
}

interface ReceivedUpdate {
  readonly by: NodeId;
  readonly update: ChordUpdate;
}

/** One real Chord over a real messenger; the peers around it do what the test says. */
export interface Bench {
  readonly net: TestNetwork;
  readonly self: TestNode;
  readonly chord: Chord;
  readonly attaches: AttachCall[];
  /** Updates that the peers received from it. */
  readonly updates: ReceivedUpdate[];
  /** Who can be attached to, and what happens then. */
  readonly reachable: Map<NodeId, () => void | Promise<void>>;
  entrances: readonly NodeId[];
  /** Who answers an Attach to a place of the ring. */
  owner: (place: ResourceId) => NodeId | undefined;
  /** A node that an Attach reaches: then it is linked, and says that it is a peer. */
  stranger(part: number, update?: Partial<ChordUpdate>): Promise<TestNode>;
  /** A node with a link to the one under test; it answers Updates. */
  node(part: number, tap?: Tap): Promise<TestNode>;
  /** The same, and it says by an Update that it is a peer. */
  peer(part: number, update?: Partial<ChordUpdate>): Promise<TestNode>;
  tell(from: TestNode, update: ChordUpdate): Promise<void>;
}

export function neighbors(predecessors: readonly number[], successors: readonly number[], uptime = 1): ChordUpdate {
  return { uptime, type: 'neighbors', predecessors: predecessors.map(at), successors: successors.map(at) };
}

export async function createBench(
  part: number,
  options: { readonly configuration?: Partial<OverlayConfiguration>; readonly timers?: Partial<ChordOptions> } = {},
): Promise<Bench> {
  const net = await createTestNetwork(
    options.configuration === undefined ? {} : { configuration: options.configuration },
  );
  const self = await net.node('self', await net.overlay.identity('self', { nodeId: at(part) }));
  const attaches: AttachCall[] = [];
  const reachable = new Map<NodeId, () => void | Promise<void>>();
  const bench: Pick<Bench, 'entrances' | 'owner'> = { entrances: [], owner: () => undefined };
  const chord = new Chord(
    {
      nodeId: self.nodeId,
      clock: net.clock,
      random: new SeededRandom('bench'),
      log: silentLogger,
      configuration: self.configuration,
      links: self.links,
      exchange: self.messenger,
      attacher: {
        attach: async (destination, { sendUpdate = false, firstHop } = {}) => {
          attaches.push({ destination, sendUpdate, firstHop });
          const last = destination.at(-1);
          const id = last?.type === 'resource' ? bench.owner(last.id) : last?.type === 'node' ? last.id : undefined;
          const reach = id === undefined ? undefined : reachable.get(id);
          if (id === undefined) throw new Error('not reached');
          if (reach !== undefined) await reach();
          else if (self.links.get(id) === undefined) throw new Error('not reached');
          return { nodeId: id };
        },
      },
      handover: { copyTo: async () => true, held: () => [], drop: async () => {} },
      entrances: {
        contacts: async function* () {
          yield* bench.entrances;
        },
      },
      countResources: () => 0,
    },
    { ...defaultChordOptions, ...options.timers },
  );
  self.isResponsible = (target) => chord.isResponsible(target as NodeId);
  self.route = (target) => chord.nextHop(target as NodeId);
  chord.start();
  const updates: ReceivedUpdate[] = [];
  const make = async (place: number) => {
    const made = await net.node(`node${place}`, await net.overlay.identity(`node${place}`, { nodeId: at(place) }));
    made.messenger.handle(MessageCode.updateReq, (request) => {
      updates.push({ by: made.nodeId, update: decode(chordUpdate, request.body) });
      return { body: new Uint8Array() };
    });
    return made;
  };
  const node = async (place: number, tap?: Tap) => {
    const made = await make(place);
    connect(self, made, tap);
    return made;
  };
  const say = (from: TestNode, update: ChordUpdate) =>
    from.messenger.request({
      destination: [nodeDestination(self.nodeId)],
      code: MessageCode.updateReq,
      body: encode(chordUpdate, update),
      firstHop: self.nodeId,
    });
  const tell = async (from: TestNode, update: ChordUpdate) => {
    await net.clock.run(say(from, update));
  };
  const stranger = async (place: number, update: Partial<ChordUpdate> = {}) => {
    const made = await make(place);
    reachable.set(made.nodeId, () => {
      if (self.links.get(made.nodeId) !== undefined) return;
      connect(self, made);
      void say(made, { uptime: 1, type: 'peer_ready', ...update } as ChordUpdate);
    });
    return made;
  };
  const peer = async (place: number, update: Partial<ChordUpdate> = {}) => {
    const made = await node(place);
    await tell(made, { uptime: 1, type: 'peer_ready', ...update } as ChordUpdate);
    return made;
  };
  return Object.assign(bench, { net, self, chord, attaches, updates, reachable, node, peer, stranger, tell });
}
