import { beforeEach, describe, expect, it } from 'vitest';
import { CUSHION, Cushion } from '#pstn/modem/cushion.ts';

describe('what waits in the modem beyond the cushion', () => {
  let cushion: Cushion;
  let now: number;

  beforeEach(() => {
    cushion = new Cushion();
    cushion.begin();
    now = 0;
  });

  /** Reads what came in so many ms and answers with as much, less what is left out. */
  function read(samples: number, ms: number, leftOut = 0) {
    now += ms;
    cushion.heard(samples, now);
    const before = cushion.surplus;
    cushion.written(samples - leftOut);
    return before;
  }

  const talk = (pieces: number) => Array.from({ length: pieces }, () => read(160, 20));

  it('is nothing while reads are shorter than the cushion, even when some come together', () => {
    expect([...talk(50), read(CUSHION - 80, 50), read(80, 10), read(320, 40)].every((surplus) => surplus === 0)).toBe(
      true,
    );
  });

  it('is by how much one read exceeds the cushion, until it is left out', () => {
    talk(50);
    expect(read(1200, 150)).toBe(720);
    expect(read(160, 20, 80)).toBe(720);
    expect(read(160, 20)).toBe(640);
    for (let n = 0; n < 8; n++) read(160, 20, 80);
    expect(cushion.surplus).toBe(0);
  });

  it('is the same when a backlog is read in pieces', () => {
    talk(50);
    read(700, 150);
    expect(read(500, 1)).toBeGreaterThan(700);
    expect(cushion.surplus).toBeLessThanOrEqual(720);
  });

  it('is not made of pieces that came one after the other, nor by a clock that is set back meanwhile', () => {
    talk(50);
    for (const ms of [39.5, 0.5, 39.5, 0.5, 20, -15, 20, 20, -3_600_000, 20, 20]) read(160, ms);
    expect(cushion.surplus).toBe(0);
  });

  it('does not grow by a second hesitation that what waits outlasts', () => {
    talk(50);
    read(1200, 150);
    talk(50);
    expect(read(1100, 140)).toBe(720);
    expect(read(1600, 200)).toBe(1120);
  });

  it('is forgotten when the modem ran dry for no reason, or lost sound', () => {
    talk(50);
    read(1200, 150);
    // It belongs to the hesitation.
    cushion.underrun();
    expect(cushion.surplus).toBe(720);
    talk(50);
    cushion.underrun();
    expect(cushion.surplus).toBe(0);
    expect(read(1200, 150)).toBe(720);
    cushion.overrun();
    expect(cushion.surplus).toBe(0);
    expect(Math.max(...talk(50))).toBe(0);
  });

  it('is known to its end when the underrun is told of in the middle of the backlog', () => {
    talk(50);
    read(480, 150);
    cushion.underrun();
    expect(read(720, 0)).toBe(720);
  });
});
