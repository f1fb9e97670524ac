import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReturnMode } from '#reload/forwarding/return-state.ts';
import { ReturnState } from '#reload/forwarding/return-state.ts';
import { returnPath } from '#reload/forwarding/route.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import { decodeHeader, type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { connect, createTestNetwork, type Tap, type TestNetwork, type TestNode } from '../messaging/network.ts';

const HOLD = 15_000;
const id = (n: number) => n.toString(16).padStart(32, '0') as NodeId;
const [SELF, NEXT] = [id(1), id(2)];

function create(mode: ReturnMode): { state: ReturnState; clock: VirtualClock } {
  const clock = new VirtualClock();
  const random = new SeededRandom('return state');
  return { clock, state: new ReturnState({ clock, random }, { self: SELF, mode, lifetime: () => HOLD }) };
}

function header(viaList: readonly Destination[], transactionId = 7n): HeaderFields {
  return {
    overlay: 1,
    configurationSequence: 0,
    version: RELOAD_VERSION,
    ttl: 90,
    fragment: { offset: 0, last: true },
    transactionId,
    maxResponseLength: 0,
    viaList,
    destinationList: [nodeDestination(NEXT)],
    options: [],
  };
}

/** The Destination List of an answer when it is back here, after the next hop put this node first. */
function back(state: ReturnState, via: readonly Destination[], transactionId = 7n, from = NEXT) {
  const destinationList = [nodeDestination(SELF), ...[...via].reverse()];
  return state.destinationList({ ...header([], transactionId), destinationList }, nodeDestination(from));
}

const destinations = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n }).map((n) => nodeDestination(id(Number(n)))),
  fc.uint8Array({ minLength: 2, maxLength: 2 }).map(
    (bytes): Destination => ({
      type: 'opaque',
      id: Uint8Array.of((bytes[0] ?? 0) | 128, bytes[1] ?? 0),
      compact: true,
    }),
  ),
);

describe('the way back of a request', () => {
  it.each(['list', 'opaque', 'transaction'] as const)(
    'R6940-6.1.2-06 is the same again on the way back, whatever the Via List was (%s)',
    (mode) => {
      fc.assert(
        fc.property(fc.array(destinations, { maxLength: 60 }), destinations, (viaList, previousHop) => {
          const { state } = create(mode);
          const request = header(viaList);
          const onward = state.viaList(request, previousHop, NEXT);
          expect(back(state, onward)).toEqual([nodeDestination(SELF), ...returnPath(request, previousHop)]);
        }),
      );
    },
  );

  it('may be behind one opaque id, the same for all pieces and copies of a message', () => {
    const { state } = create('opaque');
    const via = [5, 6, 7].map((n) => nodeDestination(id(n)));
    const onward = state.viaList(header(via), nodeDestination(id(8)), NEXT);
    expect(onward).toEqual([{ type: 'opaque', id: expect.any(Uint8Array), compact: false }]);
    expect(state.viaList(header(via), nodeDestination(id(8)), NEXT)).toEqual(onward);
    expect(state.viaList(header(via, 8n), nodeDestination(id(8)), NEXT)).not.toEqual(onward);
    expect(state.size).toBe(2);
  });

  it('R6940-6.1.2-05 may be known by the transaction id, and the Via List stays as it was', () => {
    const { state } = create('transaction');
    const via = [nodeDestination(id(5))];
    expect(state.viaList(header(via), nodeDestination(id(8)), NEXT)).toEqual(via);
    expect(back(state, via)).toEqual([SELF, id(8), id(5)].map((node) => nodeDestination(node)));
    // Only for that transaction, and only from the node it went to.
    expect(back(state, via, 9n)).toEqual([SELF, id(5)].map((node) => nodeDestination(node)));
    expect(back(state, via, 7n, id(3))).toEqual([SELF, id(5)].map((node) => nodeDestination(node)));
  });

  it('a long Via List is kept in every mode', () => {
    const { state } = create('list');
    const via = (length: number) => Array.from({ length }, (_, n) => nodeDestination(id(n + 10)));
    expect(state.keeps(header(via(23)))).toBe(false);
    expect(state.keeps(header(via(24)))).toBe(true);
    expect(state.viaList(header(via(24)), nodeDestination(id(8)), NEXT)).toHaveLength(1);
    expect(state.viaList(header(via(300)), nodeDestination(id(8)), NEXT)).toHaveLength(301);
  });

  it.each(['opaque', 'transaction'] as const)(
    'R6940-6.1.2-07 R6940-6.1.2-08 is kept for five reliability timers after the last copy and then forgotten (%s)',
    async (mode) => {
      const { state, clock } = create(mode);
      const request = header([]);
      const expected = [nodeDestination(SELF), nodeDestination(id(8))];
      const onward = state.viaList(request, nodeDestination(id(8)), NEXT);
      await clock.advance(HOLD - 1);
      expect(back(state, onward)).toEqual(expected);
      state.viaList(request, nodeDestination(id(8)), NEXT);
      await clock.advance(HOLD - 1);
      expect(back(state, onward)).toEqual(expected);
      await clock.advance(1);
      expect(state.size).toBe(0);
      expect(back(state, onward)).not.toEqual(expected);
    },
  );

  it.each(['opaque', 'transaction'] as const)(
    'R6940-6.1.2-08 is kept for a bounded number of requests; the Via List takes the others (%s)',
    async (mode) => {
      const { state, clock } = create(mode);
      for (let n = 0; n < 100_000; n++) state.viaList(header([], BigInt(n)), nodeDestination(id(8)), NEXT);
      expect(state.size).toBe(16_384);
      expect(state.viaList(header([], 200_000n), nodeDestination(id(8)), NEXT)).toEqual([nodeDestination(id(8))]);
      await clock.advance(HOLD);
      expect(state.size).toBe(0);
      expect(state.viaList(header([], 1n), nodeDestination(id(8)), NEXT)).not.toEqual([nodeDestination(id(8))]);
    },
  );

  it('R6940-6.1.2-08 never takes more than 65,536 destinations, and gives their room back', async () => {
    const { state, clock } = create('opaque');
    const via = Array.from({ length: 254 }, (_, n) => nodeDestination(id(n + 10)));
    const fill = () => {
      for (let n = 0; n < 1000; n++) state.viaList(header(via, BigInt(n)), nodeDestination(id(8)), NEXT);
      return state.size;
    };
    expect(fill()).toBe(Math.floor(65_536 / 255));
    await clock.advance(HOLD);
    expect(state.size).toBe(0);
    expect(fill()).toBe(Math.floor(65_536 / 255));
  });
});

describe('a chain of peers', () => {
  const MODES = ['list', 'opaque', 'transaction'] as const;
  const orders = MODES.flatMap((a) => MODES.flatMap((b) => MODES.map((c) => [a, b, c] as const)));

  async function chain(modes: readonly ReturnMode[], tap?: Tap): Promise<{ net: TestNetwork; nodes: TestNode[] }> {
    const net = await createTestNetwork({ configuration: { initialTtl: 100 } });
    const nodes: TestNode[] = [];
    for (const [i, mode] of (['list', ...modes, 'list'] as const).entries()) {
      nodes.push(await net.node(`peer${i}`, undefined, mode));
    }
    for (let i = 0; i + 1 < nodes.length; i++) {
      const [left, right] = [nodes[i]!, nodes[i + 1]!];
      connect(left, right, tap);
      left.route = () => right.nodeId;
    }
    return { net, nodes };
  }

  function ask({ nodes }: { nodes: TestNode[] }, size = 10) {
    const last = nodes.at(-1)!;
    const request = {
      destination: [nodeDestination(last.nodeId)],
      code: MessageCode.probeReq,
      body: new Uint8Array(size),
    };
    return nodes[0]!.messenger.request(request);
  }

  it.each(orders)(
    'R6940-6.1.2-05 R6940-6.1.1-05 brings request and answer across peers of each kind: %s, %s, %s',
    async (...modes) => {
      const seen: Destination[][] = [];
      const made = await chain(modes, (bytes) => {
        const { viaList, destinationList } = decodeHeader(bytes).header;
        seen.push([...viaList, ...destinationList]);
        return bytes;
      });
      made.nodes.at(-1)!.messenger.handle(MessageCode.probeReq, ({ body }) => ({ body }));
      expect((await made.net.clock.run(ask(made))).body).toHaveLength(10);
      const [a, b] = made.nodes.map(({ nodeId }) => nodeDestination(nodeId));
      // On the last link back the answer has one stop, whoever kept the way.
      expect(seen.at(-1)).toEqual([a]);
      // What leaves the first peer in the middle says in which way it remembers.
      const mine = {
        list: [a],
        opaque: [{ type: 'opaque', id: expect.any(Uint8Array), compact: false }],
        transaction: [],
      };
      expect(seen[1]!.slice(0, -1)).toEqual(mine[modes[0]]);
      expect(made.nodes[1]!.forwarder.returnsKept).toBe(modes[0] === 'list' ? 0 : 1);
      expect(b).toBeDefined();
    },
  );

  it.each(['opaque', 'transaction'] as const)(
    'R6940-6.1.2-07 leads an answer back that comes after 2.9 s (%s)',
    async (mode) => {
      const made = await chain([mode]);
      made.nodes.at(-1)!.messenger.handle(MessageCode.probeReq, async ({ body }) => {
        await new Promise<void>((resolve) => made.net.clock.after(2900, resolve));
        return { body };
      });
      const start = made.net.clock.now();
      expect((await made.net.clock.run(ask(made))).body).toHaveLength(10);
      expect(made.net.clock.now() - start).toBe(2900);
    },
  );

  it('brings a way of more than 24 hops back', async () => {
    const made = await chain(Array.from({ length: 30 }, () => 'list'));
    made.nodes.at(-1)!.messenger.handle(MessageCode.probeReq, ({ body }) => ({ body }));
    await made.net.clock.run(ask(made));
    expect(made.nodes.map(({ forwarder }) => forwarder.returnsKept).reduce((a, b) => a + b)).toBe(1);
  });
});
