import { describe, expect, it } from 'vitest';
import { clockwise, fingerRange, within } from '#reload/topology/chord/ring.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { joinAns } from '#reload/wire/join.ts';
import { splitMessage, splitPayload } from '#reload/wire/message.ts';
import { connect, type TestNode } from '../messaging/network.ts';
import { at, createBench, neighbors } from './bench.ts';

const nothing = new Uint8Array();
const SELF = 0x80;
const next = (id: NodeId) => clockwise(id, 1n);

/** A joiner at 0x80 before an Admitting Peer at 0x90 that is also its entrance. `onJoin` is what that peer does when asked. */
async function joiner(onJoin: (admitting: TestNode) => void = () => {}) {
  const bench = await createBench(SELF, { timers: { livenessInterval: 1e9, joinTimeout: 20_000 } });
  const admitting = await bench.node(0x90);
  bench.entrances = [admitting.nodeId];
  bench.owner = () => admitting.nodeId;
  admitting.isResponsible = (target) => within(target as NodeId, at(SELF), admitting.nodeId);
  let joins = 0;
  admitting.messenger.handle(MessageCode.joinReq, () => {
    joins++;
    net.clock.after(1, () => onJoin(admitting));
    return { body: encode(joinAns, { overlaySpecificData: nothing }) };
  });
  const { net } = bench;
  return Object.assign(bench, { admitting, joins: () => joins });
}

/** The chain of successors behind the Admitting Peer: each answers for what lies before it. */
async function chain(bench: Awaited<ReturnType<typeof joiner>>, parts: readonly number[]): Promise<TestNode[]> {
  const made: TestNode[] = [];
  let last = bench.admitting;
  for (const part of parts) {
    const peer = await bench.stranger(part);
    const after = last.nodeId;
    peer.isResponsible = (target) => within(target as NodeId, after, peer.nodeId);
    connect(last, peer);
    last.route = () => peer.nodeId;
    made.push(peer);
    last = peer;
  }
  return made;
}

const pingTargets = ({ admitting }: { readonly admitting: TestNode }, peers: readonly TestNode[]) =>
  [admitting, ...peers].flatMap(({ delivered }) =>
    delivered
      .filter(({ payload }) => splitPayload(payload).contents.code === MessageCode.pingReq)
      .map(({ header }) => header.destinationList.at(-1)),
  );

describe('a join through an Admitting Peer that sends no tables', () => {
  it('R6940-10.5-14 R6940-10.5-15 R6940-10.5-16 finds the successors one after the other by Pings to n+1, p0+1, p1+1, and succeeds', async () => {
    const bench = await joiner((admitting) => void bench.tell(admitting, neighbors([SELF], [0xa0])));
    const peers = await chain(bench, [0xa0, 0xb0]);
    await bench.net.clock.run(bench.chord.join(new AbortController().signal));
    expect(pingTargets(bench, peers)).toEqual(
      [at(SELF), at(0x90), at(0xa0)].map((id) => resourceDestination(next(id))),
    );
    expect(bench.chord.stage).toBe('joined');
    expect(bench.chord.status().successors).toEqual([at(0x90), at(0xa0), at(0xb0)]);
  });
});

describe('a join', () => {
  it('R6940-10.5-04 has every peer that was attached and said so in the Routing Table before the Join', async () => {
    let known: readonly unknown[] = [];
    const bench = await joiner(() => {
      const { successors, predecessors, peers } = bench.chord.status();
      known = [successors, predecessors, peers];
    });
    for (const part of [0xa0, 0xb0, 0x70, 0x60]) await bench.stranger(part);
    await bench.tell(bench.admitting, neighbors([0x70, 0x60], [0xa0, 0xb0]));
    const joining = bench.chord.join(new AbortController().signal);
    joining.catch(() => {});
    await bench.net.clock.advance(2000);
    expect(bench.joins()).toBe(1);
    expect(known).toEqual([[at(0x90), at(0xa0), at(0xb0)], [at(0x70), at(0x60), at(0xb0)], 5]);
  });

  it('R6940-10.7.4.2-04 R6940-10.6-02 attaches to its first fingers by ordinary routing to the places 2^(128-i) ahead, which are not random', async () => {
    const bench = await joiner();
    await bench.tell(bench.admitting, neighbors([0x70, 0x60], [0xa0, 0xb0]));
    bench.chord.join(new AbortController().signal).catch(() => {});
    await bench.net.clock.advance(2000);
    const fingers = bench.attaches.slice(1).filter(({ destination }) => destination.at(-1)?.type === 'resource');
    // Nearer ones lie within the successors.
    expect(fingers.map(({ destination }) => destination)).toEqual(
      [1, 2].map((i) => [resourceDestination(fingerRange(at(SELF), i).first)]),
    );
  });

  it('R6940-6.4.2.1-07 takes no JoinAns that another member signed for the Admitting Peer, and repeats the Join', async () => {
    const bench = await createBench(SELF, { timers: { livenessInterval: 1e9 } });
    const { net, self } = bench;
    const id = at(0x90);
    const admittingIdentity = await net.overlay.identity('admitting', { nodeId: id });
    const other = await net.overlay.identity('other', { nodeId: at(0x20) });
    // It stands behind the Admitting Peer's link and answers in its place, under its own certificate.
    const forger = await net.node('forger', { ...other, nodeId: id });
    const asked: number[] = [];
    forger.messenger.handle(MessageCode.joinReq, () => ({ body: encode(joinAns, { overlaySpecificData: nothing }) }));
    connect(self, forger, (bytes, from) => {
      if (from === self.nodeId) asked.push(splitMessage(bytes).contents.code);
      return bytes;
    });
    const request = (timeoutMs: number) =>
      self.messenger.request({
        destination: [nodeDestination(id)],
        code: MessageCode.joinReq,
        body: new Uint8Array([...Buffer.from(self.nodeId, 'hex'), 0, 0]),
        firstHop: id,
        timeoutMs,
      });
    await expect(net.clock.run(request(10_000))).rejects.toMatchObject({ fault: { code: 'timeout' } });
    expect(asked.filter((code) => code === MessageCode.joinReq).length).toBeGreaterThan(1);

    self.links.remove(id);
    const admitting = await net.node('admitting', admittingIdentity);
    admitting.messenger.handle(MessageCode.joinReq, () => ({
      body: encode(joinAns, { overlaySpecificData: nothing }),
    }));
    connect(self, admitting);
    expect((await net.clock.run(request(10_000))).signatory.nodeId).toBe(id);
  });
});
