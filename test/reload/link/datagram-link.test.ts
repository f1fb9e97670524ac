import { describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import type { DatagramChannel, DatagramObserver } from '#reload/link/datagram-channel.ts';
import { DatagramLink } from '#reload/link/datagram-link.ts';
import { decodeFrame, encodeAckFrame, encodeDataFrame } from '#reload/link/frame-reader.ts';
import type { LinkFault } from '#reload/link/link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import { MemoryDatagramChannel } from '../../simulation/memory-datagram.ts';
import { MemoryNetwork, type MemoryNetworkOptions } from '../../simulation/memory-network.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { Recorder, text } from './transport-contract.ts';

const peer = { nodeIds: [] } as unknown as Certificate;

/** The link's end of an association; the test plays the other one. */
class Wire implements DatagramChannel {
  readonly mtu = 1400;
  readonly #clock: VirtualClock;
  readonly #start: number;
  readonly sent: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  observer: DatagramObserver | undefined;
  closed = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.#start = clock.now();
  }

  observe(observer: DatagramObserver): void {
    this.observer = observer;
  }

  send(bytes: Uint8Array): void {
    this.sent.push({ at: this.#clock.now() - this.#start, bytes });
  }

  close(): void {
    this.closed = true;
  }

  /** Time, sequence number and text of each data frame. */
  data(): readonly (readonly [number, number, string])[] {
    return this.sent.flatMap(({ at, bytes }) => {
      const frame = decodeFrame(bytes);
      return frame?.type === 'data' ? [[at, frame.sequence, Buffer.from(frame.message).toString()] as const] : [];
    });
  }

  receive(bytes: Uint8Array): void {
    this.observer?.datagram(bytes);
  }
}

function open(): { wire: Wire; clock: VirtualClock; link: DatagramLink; end: Recorder } {
  const clock = new VirtualClock();
  const wire = new Wire(clock);
  const options = { peer, nodeId: undefined, remoteAddress: 'test' };
  const link = new DatagramLink(wire, { clock, log: silentLogger }, options);
  return { wire, clock, link, end: new Recorder(link) };
}

describe('the sender of a datagram link', () => {
  it('R6940-6.6.3.1-02 R6940-6.6.3.1-06 R6940-6.6.3.1-07 R6940-6.6.3.1-08 repeats a message at 0, 500, 1500, 3500 and 7500 ms, each copy with the next sequence number', async () => {
    const { wire, clock, link } = open();
    link.send(text('a'));
    await clock.advance(60_000);
    expect(wire.data()).toEqual([
      [0, 0, 'a'],
      [500, 1, 'a'],
      [1500, 2, 'a'],
      [3500, 3, 'a'],
      [7500, 4, 'a'],
    ]);
  });

  it('R6940-6.6.3.1-09 R6940-6.6.3.1-10 closes 15.5 s after the first copy when none was acknowledged', async () => {
    const { wire, clock, link, end } = open();
    link.send(text('a'));
    await clock.advance(15_499);
    expect(wire.closed).toBe(false);
    await clock.advance(1);
    expect(wire.closed).toBe(true);
    expect((await end.closed).code).toBe('timeout');
    expect(wire.data()).toHaveLength(5);
  });

  it('R6940-6.6.3.1-11 R6940-6.6.3.1-12 is suspect with the third retransmission, and trusted again when an ACK comes', async () => {
    const { wire, clock, link, end } = open();
    link.send(text('a'));
    await clock.advance(3499);
    expect(end.suspicions).toEqual([]);
    await clock.advance(1);
    expect(end.suspicions).toEqual([true]);
    await clock.advance(1000);
    wire.receive(encodeAckFrame(2, 0));
    expect(end.suspicions).toEqual([true, false]);
    await clock.advance(60_000);
    expect(wire.data()).toHaveLength(4);
    expect(wire.closed).toBe(false);
  });

  it('R6940-6.6.2-06 R6940-6.6.3.1-01 R6940-6.6.3.1-09 R6940-6.6.3.1-13 has one message on its way, and begins the next 10 ms after an ACK of any copy', async () => {
    const { wire, clock, link } = open();
    for (const message of ['a', 'b', 'c']) link.send(text(message));
    await clock.advance(700);
    expect(wire.data()).toEqual([
      [0, 0, 'a'],
      [500, 1, 'a'],
    ]);
    wire.receive(encodeAckFrame(0, 0));
    await clock.advance(9);
    expect(wire.data()).toHaveLength(2);
    await clock.advance(1);
    expect(wire.data().at(-1)).toEqual([710, 2, 'b']);
    wire.receive(encodeAckFrame(2, 0));
    wire.receive(encodeAckFrame(2, 0));
    wire.receive(encodeAckFrame(1, 0));
    await clock.advance(10);
    expect(wire.data().at(-1)).toEqual([720, 3, 'c']);
  });

  it('R6940-6.6.3.1-04 R6940-6.6.3.1-05 measures the round trip with every ACK, in milliseconds', async () => {
    const { wire, clock, link } = open();
    link.send(text('a'));
    await clock.advance(20);
    wire.receive(encodeAckFrame(0, 0));
    link.send(text('b'));
    await clock.advance(10);
    await clock.advance(60);
    // SRTT 20 ms and RTTVAR 10 ms make 60 ms (RFC 6298 §2.2).
    expect(wire.data().slice(1)).toEqual([
      [30, 1, 'b'],
      [90, 2, 'b'],
    ]);
  });

  it('R6940-6.6.3.1-09 stops when the association ends', async () => {
    const { wire, clock, link, end } = open();
    link.send(text('a'));
    wire.observer?.closed(new Failure<LinkFault>({ code: 'unreachable' }, 'port unreachable'));
    await clock.advance(60_000);
    expect(wire.data()).toHaveLength(1);
    expect((await end.closed).code).toBe('unreachable');
  });

  it('loses what comes when a mebibyte waits', async () => {
    const { wire, clock, link } = open();
    const large = new Uint8Array(16_000);
    for (let i = 0; i < 100; i++) link.send(large);
    for (let i = 0; i < 200; i++) {
      wire.receive(encodeAckFrame(i, 0));
      await clock.advance(10);
    }
    expect(wire.sent).toHaveLength(1 + Math.floor(2 ** 20 / 16_000));
  });

  it('sends nothing that no datagram can hold', () => {
    const { wire, link } = open();
    link.send(new Uint8Array(16_377));
    expect(wire.sent).toEqual([]);
    link.send(new Uint8Array(16_376));
    expect(wire.sent).toHaveLength(1);
  });
});

describe('the receiver of a datagram link', () => {
  it('R6940-6.6.2-03 R6940-6.6.3-01 acknowledges every data frame at once, and hands up what the network doubled only once', () => {
    const { wire, end } = open();
    wire.receive(encodeDataFrame(0, text('a')));
    wire.receive(encodeDataFrame(1, text('b')));
    wire.receive(encodeDataFrame(0, text('a')));
    expect(wire.sent.map(({ at, bytes }) => [at, Buffer.from(bytes).toString('hex')])).toEqual([
      [0, '810000000000000000'],
      [0, '810000000100000002'],
      [0, '810000000000000000'],
    ]);
    expect(end.messages).toEqual(['a', 'b']);
  });

  it('passes by what is no frame', () => {
    const { wire, end } = open();
    const frame = encodeDataFrame(0, text('abc'));
    for (const broken of [frame.subarray(0, 7), frame.subarray(0, 10), Buffer.concat([frame, frame])])
      wire.receive(broken);
    wire.receive(new Uint8Array());
    wire.receive(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, 0));
    wire.receive(encodeAckFrame(0, 0).subarray(0, 8));
    expect([end.messages, wire.sent]).toEqual([[], []]);
    wire.receive(frame);
    expect(end.messages).toEqual(['abc']);
  });

  it('goes on when its owner throws', () => {
    const { wire, link } = open();
    const seen: number[] = [];
    link.observe({
      message: (bytes) => {
        seen.push(bytes.length);
        throw new Error('no');
      },
      suspect: () => {},
      closed: () => {},
    });
    wire.receive(encodeDataFrame(0, text('a')));
    wire.receive(encodeDataFrame(1, text('bb')));
    expect(seen).toEqual([1, 2]);
  });
});

describe('two datagram links over a bad network', () => {
  function pair(network: Partial<MemoryNetworkOptions>) {
    const clock = new VirtualClock();
    const net = new MemoryNetwork({ clock, random: new SeededRandom('datagrams') }, network);
    const [a, b] = [net.host(), net.host()];
    const [atA, atB] = [new MemoryDatagramChannel(a, 1400), new MemoryDatagramChannel(b, 1400)];
    MemoryDatagramChannel.pair(atA, atB);
    const options = { peer, nodeId: undefined, remoteAddress: 'test' };
    const deps = { clock, log: silentLogger };
    return {
      clock,
      channels: [atA, atB],
      links: [new DatagramLink(atA, deps, options), new DatagramLink(atB, deps, options)],
    };
  }

  it('R6940-6.6.3-01 carry every message through 20 % loss, doubles and overtaking', async () => {
    const { clock, links } = pair({ loss: 0.2, duplicate: 0.1, reorder: 0.1 });
    const [alice, bob] = links.map((link) => new Recorder(link));
    const numbers = Array.from({ length: 200 }, (_, i) => `message ${i}`);
    for (const number of numbers) {
      links[0]?.send(text(number));
      links[1]?.send(text(number));
    }
    await clock.advance(300_000);
    for (const end of [alice, bob]) expect([...new Set(end?.messages)].sort()).toEqual([...numbers].sort());
    // Only a message whose ACK was lost comes twice.
    expect(bob?.messages.length).toBeLessThan(1.5 * numbers.length);
  });

  it('R6940-6.6.3-02 send no more than one message a round trip, and fewer the more is lost', async () => {
    async function seconds(loss: number): Promise<number> {
      const { clock, links } = pair({ loss, latencyMs: { min: 50, max: 50 } });
      const bob = new Recorder(links[1]!);
      new Recorder(links[0]!);
      const start = clock.now();
      for (let i = 0; i < 100; i++) links[0]?.send(text(String(i)));
      await clock.run(bob.received(100));
      return (clock.now() - start) / 1000;
    }
    const [clean, lossy] = [await seconds(0), await seconds(0.1)];
    expect(clean).toBeGreaterThanOrEqual((99 * 110 + 50) / 1000);
    expect(lossy).toBeGreaterThan(1.1 * clean);
  });

  it('send what was queued before they close', async () => {
    const { clock, links } = pair({});
    const bob = new Recorder(links[1]!);
    new Recorder(links[0]!);
    for (const message of ['a', 'b', 'c']) links[0]?.send(text(message));
    links[0]?.close();
    links[0]?.send(text('too late'));
    expect((await clock.run(bob.closed)).code).toBe('closed');
    expect(bob.messages).toEqual(['a', 'b', 'c']);
  });
});
