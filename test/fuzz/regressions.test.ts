import { describe, expect, it } from 'vitest';
import { crashFiles, readCrash } from './crash-files.ts';
import { fuzz, newTally, replay } from './fuzz.ts';
import { allTargets } from './targets/all.ts';

const targets = await allTargets();
/** Of each parser; the ring takes bursts of messages, of which each is dear. */
const INPUTS = 120;
const BURSTS = 25;

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
      const inputs = target.name === 'ring' ? BURSTS : INPUTS;
      await fuzz(target, tally, (done) => done >= inputs, { seed: 'regressions' });
      expect([...tally.crashes.values()]).toEqual([]);
      expect(tally.accepted).toBeGreaterThan(0);
    },
  );
});
