import { describe, expect, it } from 'vitest';
import { crashFiles, readCrash } from './crash-files.ts';
import { fuzz, newTally, replay } from './fuzz.ts';
import { allTargets } from './targets/all.ts';

const targets = await allTargets();
/** Of each parser; whole services and the ring take longer for each. */
const INPUTS = 60;
const DEAR_INPUTS = 12;
const DEAR_WORK = 100;

describe('inputs that once did harm', () => {
  it.each(crashFiles())('%s does none any more', async (path) => {
    const crash = readCrash(path);
    const target = targets.find(({ name }) => name === crash.target);
    expect(target, `there is no target ${crash.target}`).toBeDefined();
    if (target !== undefined) expect(await replay(target, crash)).not.toMatchObject({ outcome: 'crash' });
  });
});

describe('a short fuzz of everything that comes from outside', () => {
  it.each(targets.map((target) => ({ name: target.name, target })))(
    '$name refuses with its own error or accepts, in bounded time and memory',
    async ({ target }) => {
      const tally = newTally(target);
      const inputs = target.work > DEAR_WORK ? DEAR_INPUTS : INPUTS;
      await fuzz(target, tally, (done) => done >= inputs, { seed: 'regressions' });
      expect([...tally.crashes.values()]).toEqual([]);
      expect(tally.accepted).toBeGreaterThan(0);
    },
  );
});
