import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { delay } from '#platform/clock.ts';
import { SeededRandom } from './seeded-random.ts';
import { ProcessClock, VirtualClock } from './virtual-clock.ts';

describe('virtual clock', () => {
  it('fires timers in order of time, then of their making, and lets promises run between them', async () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, async () => {
      await Promise.resolve();
      seen.push(`a@${clock.now()}`);
      clock.after(10, () => seen.push(`c@${clock.now()}`));
    });
    clock.after(20, () => seen.push(`d@${clock.now()}`)).cancel();
    await clock.advance(30);
    expect(seen).toEqual(['a@10', 'b@20', 'c@20']);
    expect(clock.now()).toBe(30);
  });

  it('stays ordered with many timers', async () => {
    const clock = new VirtualClock(0);
    const random = new SeededRandom(1);
    const seen: number[] = [];
    for (let i = 0; i < 500; i++) clock.after(Math.floor(random.unit() * 100), () => seen.push(clock.now()));
    await clock.advance(100);
    expect(seen).toHaveLength(500);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('runs until a promise settles and reports one that never does', async () => {
    const clock = new VirtualClock(0);
    await clock.run(delay(clock, 5000));
    expect(clock.now()).toBe(5000);
    await expect(clock.run(new Promise(() => {}), 100)).rejects.toThrow(/100 ms/);
  });

  it('stands still while work goes on that takes real time', async () => {
    const clock = new VirtualClock(0);
    const made = clock.hold(promisify(generateKeyPair)('rsa', { modulusLength: 1024 })).then(() => clock.now());
    await clock.advance(1000);
    expect(await made).toBe(0);
    expect(clock.now()).toBe(1000);
  });

  it('holds the timers of a stopped process until it continues, and drops those of a killed one', async () => {
    const clock = new VirtualClock(0);
    const process = new ProcessClock(clock);
    const seen: number[] = [];
    process.after(10, () => seen.push(clock.now()));
    process.stop();
    await clock.advance(50);
    expect(seen).toEqual([]);
    process.continue();
    expect(seen).toEqual([50]);
    process.after(10, () => seen.push(clock.now()));
    process.kill();
    await clock.advance(50);
    expect(seen).toEqual([50]);
  });
});

describe('seeded random', () => {
  it('repeats itself for a seed, differs between seeds and between forks', () => {
    const draw = (random: SeededRandom) => Buffer.from(random.bytes(9)).toString('hex');
    expect(draw(new SeededRandom(7))).toBe(draw(new SeededRandom(7)));
    expect(draw(new SeededRandom(7))).not.toBe(draw(new SeededRandom(8)));
    expect(draw(new SeededRandom(7).fork('a'))).not.toBe(draw(new SeededRandom(7).fork('b')));
  });
});
