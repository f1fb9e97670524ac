import { describe, expect, it } from 'vitest';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { joinReq } from '#reload/wire/join.ts';
import { chordLeaveData, leaveReq } from '#reload/wire/leave.ts';
import { connect, type TestNode } from '../messaging/network.ts';
import { at, type Bench, createBench } from './bench.ts';

/** Longer than changes are gathered for one Update. */
const SETTLE = 2000;
const nothing = new Uint8Array();

/** A peer at 0x80, linked to peers at the given places; its neighbours are not pinged. */
async function member(parts: readonly number[], timers: NonNullable<Parameters<typeof createBench>[1]>['timers'] = {}) {
  const bench = await createBench(0x80, { timers: { livenessInterval: 1e9, ...timers } });
  bench.chord.found();
  const peers = new Map<number, TestNode>();
  for (const part of parts) peers.set(part, await bench.peer(part));
  await bench.net.clock.advance(SETTLE);
  bench.updates.length = 0;
  return Object.assign(bench, { peers });
}

function ask({ net, self }: Bench, from: TestNode, code: number, body: Uint8Array) {
  const destination = [nodeDestination(self.nodeId)];
  return net.clock.run(from.messenger.request({ destination, code, body, firstHop: self.nodeId }));
}

describe('the part of the ring that a peer answers for', () => {
  it.each([
    [0x80, [0x70, 0x90, 0x10], 0x70],
    [0x08, [0xf0, 0x20], 0xf0],
    [0x80, [0xb0], 0xb0],
  ])(
    'R6940-10.1-01 of 0x%s begins after the nearest of the peers %j that stands before it, and is the whole ring without any',
    async (place, parts, before) => {
      const { chord, peer } = await createBench(place, { timers: { livenessInterval: 1e9 } });
      const places = Array.from({ length: 256 }, (_, part) => part);
      const own = () => places.filter((part) => chord.isResponsible(at(part)));
      chord.found();
      expect(own()).toEqual(places);
      for (const part of parts) await peer(part);
      const isOwn = (part: number) => (part - before + 255) % 256 < (place - before + 256) % 256;
      expect(own()).toEqual(places.filter(isOwn));
    },
  );
});

describe('the neighbours of a peer', () => {
  it('R6940-10.1-02 are three on each side, the nearest first', async () => {
    const { chord } = await member([0x10, 0xb0, 0x60, 0x90, 0x70, 0xa0, 0x78, 0xc0]);
    expect(chord.status()).toMatchObject({
      predecessors: [0x78, 0x70, 0x60].map(at),
      successors: [0x90, 0xa0, 0xb0].map(at),
    });
  });

  it('R6940-10.7.1-01 are replaced by the best among the other peers when the link breaks or no answer comes', async () => {
    const timers = { livenessInterval: 4000, suspicionTimeout: 2000 };
    const bench = await member([0x60, 0x70, 0x78, 0x90, 0xa0, 0xc0, 0xd0], timers);
    const { net, self, chord } = bench;
    let silent = false;
    const other = await bench.node(0xb0, (bytes) => (silent ? undefined : bytes));
    await bench.tell(other, { uptime: 1, type: 'peer_ready' });
    expect(chord.status().successors).toEqual([0x90, 0xa0, 0xb0].map(at));
    self.links.remove(at(0x90));
    expect(chord.status().successors).toEqual([0xa0, 0xb0, 0xc0].map(at));
    silent = true;
    await net.clock.advance(20_000);
    expect(chord.status().successors).toEqual([0xa0, 0xc0, 0xd0].map(at));
  });
});

describe('a Leave', () => {
  it('R6940-10.9-03 R6940-6.4.2.2-04 of a neighbour has it replaced at once, though its link is open still, and the others told', async () => {
    const bench = await member([0x60, 0x70, 0x78, 0x90, 0xa0, 0xb0, 0xc0]);
    const { net, self, chord, peers, updates } = bench;
    await bench.stranger(0xb8);
    const data = encode(chordLeaveData, { type: 'from_succ', successors: [0xa0, 0xb0, 0xb8].map(at) });
    const leave = encode(leaveReq, { leavingPeerId: at(0x90), overlaySpecificData: data });
    await ask(bench, peers.get(0x90)!, MessageCode.leaveReq, leave);
    expect(chord.status().successors).toEqual([0xa0, 0xb0, 0xb8].map(at));
    expect(self.links.get(at(0x90))).toBeDefined();
    await net.clock.advance(SETTLE);
    const others = [0x60, 0x70, 0x78, 0xa0, 0xb0].map(at);
    expect(updates.map(({ by }) => by)).toEqual(expect.arrayContaining(others));
  });
});

describe('Join and Leave over the link of the node they name, signed by another one', () => {
  it('R6940-6.4.2.1-03 R6940-6.4.2.2-02 are refused', async () => {
    const bench = await member([0x60, 0x70, 0x90]);
    const { net, self, chord } = bench;
    const other = await net.overlay.identity('other', { nodeId: at(0x20) });
    const forger = await net.node('forger', { ...other, nodeId: at(0x78) });
    connect(self, forger);
    const before = chord.status();
    const named = { overlaySpecificData: nothing };
    const join = encode(joinReq, { joiningPeerId: at(0x78), ...named });
    const leave = encode(leaveReq, { leavingPeerId: at(0x78), ...named });
    const refused = { fault: { code: 'remote', errorCode: ErrorCode.forbidden } };
    await expect(ask(bench, forger, MessageCode.joinReq, join)).rejects.toMatchObject(refused);
    await expect(ask(bench, forger, MessageCode.leaveReq, leave)).rejects.toMatchObject(refused);
    await net.clock.advance(SETTLE);
    expect(chord.status()).toEqual(before);
  });
});
