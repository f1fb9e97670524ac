import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { encodeAckFrame, encodeDataFrame } from '#reload/link/frame-reader.ts';
import { FramedLink } from '#reload/link/framed-link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { Recorder, text } from './transport-contract.ts';

/** The link's end of a connection; the test plays the other one. */
class Wire extends Duplex {
  readonly written: Buffer[] = [];
  stuck = false;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(Buffer.from(chunk));
    if (!this.stuck) done();
  }

  override _final(done: () => void): void {
    done();
  }

  sent(): string {
    return Buffer.concat(this.written.splice(0)).toString('hex');
  }
}

function open(): { wire: Wire; clock: VirtualClock; link: FramedLink; end: Recorder } {
  const wire = new Wire();
  const clock = new VirtualClock();
  const peer = { nodeIds: [] } as unknown as Certificate;
  const link = new FramedLink(
    wire,
    { clock, log: silentLogger },
    { peer, nodeId: undefined, remoteAddress: 'test', maxMessageSize: () => 100 },
  );
  return { wire, clock, link, end: new Recorder(link) };
}

describe('a framed link', () => {
  it('R6940-6.6.2-02 numbers what it sends from 0 and sends no message twice', async () => {
    const { wire, clock, link } = open();
    link.send(text('a'));
    link.send(text('b'));
    await clock.advance(20_000);
    expect(wire.sent()).toBe('800000000000000161' + '800000000100000162');
  });

  it('R6940-6.6.2-03 acknowledges frames within 5 ms, or before that together with a message that goes the same way', async () => {
    const { wire, clock, link } = open();
    wire.push(encodeDataFrame(0, text('a')));
    await clock.advance(5);
    expect(wire.sent()).toBe('810000000000000000');
    link.observe({ message: () => link.send(text('z')), suspect: () => {}, closed: () => {} });
    wire.push(encodeDataFrame(1, text('b')));
    await clock.advance(0);
    expect(wire.sent()).toBe('810000000100000002' + '80000000000000017a');
  });

  it('R6940-6.6.5-03 becomes suspect after one RTO without ACK, while the connection stays open', async () => {
    const { clock, link, end } = open();
    link.send(text('a'));
    await clock.advance(999);
    expect(end.suspicions).toEqual([]);
    await clock.advance(1);
    expect(end.suspicions).toEqual([true]);
  });

  it('R6940-6.6.5-04 is restored by an ACK within 30 s, and closed after them', async () => {
    const { wire, clock, link, end } = open();
    link.send(text('a'));
    await clock.advance(11_000);
    wire.push(encodeAckFrame(0, 0));
    await clock.advance(0);
    expect(end.suspicions).toEqual([true, false]);
    await clock.advance(60_000);
    link.send(text('b'));
    const closed = end.closed;
    // The late ACK was a sample of 11 s, so that the threshold is now far above its least value.
    expect(link.rto).toBeGreaterThan(11_000);
    await clock.advance(link.rto + 29_999);
    expect(end.suspicions).toEqual([true, false, true]);
    expect((await clock.run(closed)).code).toBe('timeout');
  });

  it('stays fine while every frame is acknowledged', async () => {
    const { wire, clock, link, end } = open();
    for (let i = 0; i < 50; i++) {
      link.send(text('x'));
      await clock.advance(300);
      wire.push(encodeAckFrame(i, 0));
    }
    await clock.advance(60_000);
    expect(end.suspicions).toEqual([]);
  });

  it('is not suspect while its own send buffer drains, but is when that stands still', async () => {
    const { wire, clock, link, end } = open();
    wire.stuck = true;
    link.send(text('a'));
    link.send(text('b'));
    await clock.advance(2500);
    expect(end.suspicions).toEqual([true]);
  });

  it('hands up at most 20 messages in one turn, and loses none', async () => {
    const { wire, clock, end } = open();
    const frames = Array.from({ length: 105 }, (_, i) => encodeDataFrame(i, text(String(i))));
    wire.push(Buffer.concat(frames));
    await new Promise((resolve) => process.nextTick(resolve));
    expect(end.messages.length).toBeLessThanOrEqual(20);
    for (let turn = 0; turn < 10; turn++) await clock.advance(0);
    expect(end.messages).toEqual(Array.from({ length: 105 }, (_, i) => String(i)));
  });

  it('survives an observer that throws', async () => {
    const { wire, clock, link } = open();
    let calls = 0;
    link.observe({
      message() {
        calls++;
        throw new Error('observer');
      },
      suspect: () => {},
      closed: () => {},
    });
    wire.push(Buffer.concat([encodeDataFrame(0, text('a')), encodeDataFrame(1, text('b'))]));
    await clock.advance(0);
    expect(calls).toBe(2);
  });

  it('tells an observer that comes late that the link is closed', async () => {
    const { link } = open();
    link.close();
    expect((await new Recorder(link).closed).code).toBe('closed');
  });
});
