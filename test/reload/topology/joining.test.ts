import { describe, expect, it } from 'vitest';
import { delay } from '#platform/clock.ts';
import { seal } from '#reload/messaging/sealing.ts';
import type { Signer } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { clockwise, fingerRange, within } from '#reload/topology/chord/ring.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import { encodeWithPayload } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { joinAns } from '#reload/wire/join.ts';
import { splitMessage, splitPayload } from '#reload/wire/message.ts';
import { connect, type Tap, type TestNode } from '../messaging/network.ts';
import { at, createBench, neighbors } from './bench.ts';

const nothing = new Uint8Array();
const SELF = 0x80;
const next = (id: NodeId) => clockwise(id, 1n);

/** A joiner at 0x80 before an Admitting Peer at 0x90 that is also its entrance. `onJoin` is what that peer does when asked. */
async function joiner(onJoin: (admitting: TestNode) => void = () => {}, tap?: Tap) {
  const bench = await createBench(SELF, { timers: { livenessInterval: 1e9, joinTimeout: 20_000 } });
  const admitting = await bench.node(0x90, tap);
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

  it('R6940-10.5-18 R6940-10.5-03 sends neither Join nor Update, and passes nothing on, before the Attaches to its future neighbours succeeded', async () => {
    const bench = await joiner((admitting) => void bench.tell(admitting, neighbors([SELF, 0x70, 0x60], [0xa0, 0xb0])));
    const { net, chord, reachable, updates } = bench;
    for (const part of [0xa0, 0xb0, 0x70, 0x60]) await bench.stranger(part);
    const reach = reachable.get(at(0x70))!;
    reachable.set(at(0x70), async () => {
      await delay(net.clock, 5000);
      await reach();
    });
    await bench.tell(bench.admitting, neighbors([0x70, 0x60], [0xa0, 0xb0]));
    const joining = chord.join(new AbortController().signal);
    await net.clock.advance(4900);
    expect([bench.joins(), updates]).toEqual([0, []]);
    expect(chord.nextHop(at(0xa8), at(0x60))).toBeUndefined();
    await net.clock.run(joining);
    expect(chord.nextHop(at(0xa8), at(0x60))).toBe(at(0xa0));
    await net.clock.advance(2000);
    expect(bench.joins()).toBe(1);
    expect(new Set(updates.map(({ by }) => by))).toEqual(new Set([0x60, 0x70, 0x90, 0xa0, 0xb0].map(at)));
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
    let forger: Signer | undefined;
    const codes: number[] = [];
    // Stands on the link of the Admitting Peer and signs in its place, with a certificate of the overlay.
    const bench = await joiner(undefined, (bytes) => {
      const { header, contents } = splitMessage(bytes);
      codes.push(contents.code);
      if (forger === undefined || contents.code !== MessageCode.joinAns) return bytes;
      const { code, body } = contents;
      return encodeWithPayload(header, seal(forger, header, { code, body, extensions: [] }, []));
    });
    const { net, chord, admitting } = bench;
    const count = (wanted: number) => codes.filter((code) => code === wanted).length;
    forger = createSigner(await net.overlay.identity('other', { nodeId: at(0x20) }));
    await bench.tell(admitting, neighbors([], []));
    const joining = chord.join(new AbortController().signal);
    joining.catch(() => {});
    await net.clock.runUntil(() => count(MessageCode.joinAns) === 1, 5000);
    await net.clock.runUntil(() => count(MessageCode.joinReq) === 2, 5000);
    expect(chord.stage).toBe('joining');

    forger = undefined;
    await net.clock.runUntil(() => count(MessageCode.joinAns) === 3, 10_000);
    const joins = count(MessageCode.joinReq);
    await net.clock.advance(10_000);
    expect(count(MessageCode.joinReq)).toBe(joins);
    await bench.tell(admitting, neighbors([SELF], []));
    await net.clock.run(joining);
    expect(chord.stage).toBe('joined');
  });
});
