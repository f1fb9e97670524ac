import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AckHistory } from '#reload/link/ack-history.ts';
import { addSample } from '#reload/link/round-trip.ts';
import { SendWindow } from '#reload/link/send-window.ts';

function masks(sequences: readonly number[]): number[] {
  const history = new AckHistory();
  return sequences.map((sequence) => history.receive(sequence));
}

describe('the received field of ACKs', () => {
  it('R6940-6.6.2-05 has bit N-M for each earlier frame', () => {
    expect(masks([0, 1, 3])).toEqual([0, 0b10, 0b1100]);
    expect(masks([0, 1, 2, 3, 4])).toEqual([0, 0b10, 0b110, 0b1110, 0b11110]);
  });

  it('R6940-6.6.2-05 leaves out later and doubled frames, and counts modulo 2^32', () => {
    expect(masks([5, 3, 3, 4])).toEqual([0, 0, 0, 0b10]);
    expect(masks([0xfffffffe, 0xffffffff, 0])).toEqual([0, 0b10, 0b110]);
  });

  it('R6940-6.6.2-04 remembers the 32 latest frames', () => {
    const steady = masks(Array.from({ length: 100 }, (_, i) => i));
    expect(steady.at(-1)).toBe(0xfffffffe);
    const history = new AckHistory();
    history.receive(40);
    for (let i = 0; i < 32; i++) history.receive(1000 + i);
    expect(history.receive(41)).toBe(0);
  });

  it('R6940-6.6.2-05 sets only bits of frames that arrived, whatever the order', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(80), { maxLength: 60 }), (sequences) => {
        const history = new AckHistory();
        sequences.forEach((n, i) => {
          const mask = history.receive(n);
          for (let distance = 1; distance < 32; distance++) {
            const arrived = sequences.slice(Math.max(0, i - 32), i).includes(n - distance);
            expect((mask >>> distance) & 1).toBe(arrived ? 1 : 0);
          }
          expect(mask & 1).toBe(0);
        });
      }),
    );
  });
});

describe('the round-trip time of a link', () => {
  it('R6940-6.6.5-02 follows RFC 6298: the first sample, the smoothing, a floor of one second', () => {
    const first = addSample(undefined, 800);
    expect(first).toEqual({ srtt: 800, rttvar: 400, rto: 2400 });
    const second = addSample(first, 800);
    expect(second).toEqual({ srtt: 800, rttvar: 300, rto: 2000 });
    expect(addSample(undefined, 20).rto).toBe(1000);
    expect(addSample(undefined, 50_000).rto).toBe(60_000);
    expect(addSample(undefined, -5)).toEqual({ srtt: 0, rttvar: 0, rto: 1000 });
  });
});

describe('frames that wait for their ACK', () => {
  it('R6940-6.6.2-02 are numbered from 0, one by one', () => {
    const window = new SendWindow();
    expect([window.sent(0), window.sent(0), window.sent(5)]).toEqual([0, 1, 2]);
  });

  it('R6940-6.6.5-03 make the link suspect after one RTO', () => {
    const window = new SendWindow();
    window.sent(0);
    expect(window.look(999, false)).toEqual({ type: 'look-again', at: 1000 });
    expect(window.look(1000, false)).toEqual({ type: 'suspect', lookAgain: 31_000 });
    expect(window.suspected).toBe(true);
  });

  it('R6940-6.6.5-04 end the link 30 s later, unless an ACK comes', () => {
    const window = new SendWindow();
    window.sent(0);
    window.look(1000, false);
    expect(window.look(30_999, false)).toEqual({ type: 'look-again', at: 31_000 });
    expect(window.look(31_000, false)).toEqual({ type: 'give-up' });
    expect(window.acknowledged(0, 31_001)).toBe(true);
    expect(window.look(40_000, false)).toEqual({ type: 'fine' });
  });

  it('are retired once, by their own number; other ACKs change nothing', () => {
    const window = new SendWindow();
    window.sent(0);
    window.sent(10);
    expect(window.acknowledged(7, 20)).toBe(false);
    expect(window.acknowledged(0, 20)).toBe(false);
    expect(window.acknowledged(0, 900)).toBe(false);
    expect(window.look(30, false)).toEqual({ type: 'look-again', at: 1010 });
    window.acknowledged(1, 40);
    expect(window.look(5000, false)).toEqual({ type: 'fine' });
  });

  it('prove nothing while the own send buffer is still draining', () => {
    const window = new SendWindow();
    window.sent(0);
    expect(window.look(1500, true)).toEqual({ type: 'look-again', at: 2500 });
  });
});
