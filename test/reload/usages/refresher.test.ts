import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { Refresher, refreshInterval } from '#reload/usages/refresher.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

let clock: VirtualClock;
let begun: number[];
let failing: boolean;
let refresher: Refresher;

beforeEach(() => {
  clock = new VirtualClock(0);
  begun = [];
  failing = false;
  const publish = async () => {
    begun.push(clock.now());
    await new Promise<void>((resolve) => clock.after(10, resolve));
    if (failing) throw new Error('out of reach');
  };
  refresher = new Refresher({ clock, log: silentLogger, publish }, { name: 'test', intervalMs: refreshInterval(600) });
});

describe('Refresher', () => {
  it('publishes at once and again at 90 % of the lifetime', async () => {
    await clock.run(refresher.refresh());
    expect(refresher.isPublished).toBe(true);
    await clock.advance(1_200_000);
    expect(begun).toEqual([0, 540_010, 1_080_020]);
  });

  it('tries again after 2, 4, 8... seconds, a minute at most, and returns to its interval', async () => {
    failing = true;
    await clock.run(refresher.refresh());
    expect(refresher.isPublished).toBe(false);
    await clock.advance(200_000);
    const pauses = begun.slice(1).map((at, i) => at - begun[i]! - 10);
    expect(pauses.slice(0, 7)).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    failing = false;
    await clock.advance(60_000);
    expect(refresher.isPublished).toBe(true);
    const last = begun.at(-1)!;
    await clock.advance(540_000);
    expect(begun.at(-1)! - last).toBe(540_010);
  });

  it('joins calls that come while a round is going on into one more round', async () => {
    const all = Promise.all([refresher.refresh(), refresher.refresh(), refresher.refresh()]);
    await clock.run(all);
    expect(begun).toEqual([0, 10]);
  });

  it('stops after the round that is going on, and can begin again', async () => {
    const first = refresher.refresh();
    await clock.run(Promise.all([first, refresher.stop()]));
    await clock.advance(2_000_000);
    expect(begun).toEqual([0]);
    expect(refresher.isPublished).toBe(false);
    await clock.run(refresher.refresh());
    expect(refresher.isPublished).toBe(true);
  });
});
