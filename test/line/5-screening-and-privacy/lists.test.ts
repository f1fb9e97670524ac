import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import { nameFits, parseCallerPattern, printCallerPattern } from '#gateway/screening/caller-pattern.ts';
import type { CallerId } from '#pstn/line.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { openScreening } from './screened.ts';

const from = (number: string, name?: string): CallerId => ({ number, name, presentation: 'available' });
const WITHHELD: CallerId = { number: undefined, name: undefined, presentation: 'withheld' };

describe('a caller pattern', () => {
  it.each([
    ['+49 (30) 123-456', '+4930123456'],
    ['+4990*', '+4990*'],
    ['0900*', '0900*'],
    ['Withheld', 'withheld'],
    ['unavailable', 'unavailable'],
    ['name:*Lottery*', 'name:*lottery*'],
    ['NAME: Grandma ', 'name:grandma'],
  ])('%s is kept as %s', (written, kept) => {
    expect(printCallerPattern(parseCallerPattern(written))).toBe(kept);
    expect(printCallerPattern(parseCallerPattern(kept))).toBe(kept);
  });

  it.each(['', '*', '+', 'name:', 'grandma', '+49*30', 'name:ümlaut', `+${'1'.repeat(40)}`, 'x'.repeat(10_000)])(
    '%j is refused, with what to write',
    (written) => {
      expect(() => parseCallerPattern(written)).toThrow(/\+4990\*.*name:\*lottery\*/);
    },
  );

  it('is taken by the configuration exactly when commands take it', () => {
    const character = fc.constantFrom(...'+*0123456789 -().', 'name:', 'withheld', 'a', 'ü', '\n');
    fc.assert(
      fc.property(fc.string({ unit: character, maxLength: 40 }), (written) => {
        const inFile = 'config' in checkConfig({ screening: { block: [written] } });
        let byCommand = true;
        try {
          parseCallerPattern(written);
        } catch {
          byCommand = false;
        }
        return inFile === byCommand;
      }),
      { numRuns: 3000 },
    );
  });

  it('fits names as a regular expression would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    fc.assert(
      fc.property(letters, patterns, (name, pattern) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name);
        return nameFits(name.toUpperCase(), pattern) === expected;
      }),
      { numRuns: 3000 },
    );
  });
});

describe('the lists of callers', () => {
  let directory: string;
  const clock = new VirtualClock();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-lists-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('keep what commands made over a restart, with time and note, and tell how long they are', async () => {
    const store = await openLmdbStore(directory);
    const { side, told } = await openScreening({ block: ['+4990*'] }, { clock, store });
    await side.lists.add('block', parseCallerPattern('+4930999'), 'sells solar panels');
    await side.lists.add('allow', parseCallerPattern('name:*grandma*'));
    expect(told).toEqual([
      { allow: 0, block: 1, passed: 0 },
      { allow: 0, block: 2, passed: 0 },
      { allow: 1, block: 2, passed: 0 },
    ]);
    await store.close();
    const again = await openLmdbStore(directory);
    const { side: reopened } = await openScreening({ block: ['+4990*'] }, { clock, store: again });
    expect(reopened.lists.list('block')).toEqual([
      { pattern: '+4990*', source: 'file', addedAt: undefined, note: undefined },
      { pattern: '+4930999', source: 'command', addedAt: clock.now(), note: 'sells solar panels' },
    ]);
    expect(reopened.lists.find('allow', from('+1', 'GRANDMA MILLER'))).toBe('name:*grandma*');
    await again.close();
  });

  it('find the most exact entry: the number, then the longest start, then the name', async () => {
    const { side } = await openScreening({ block: ['+49*', '+4930*', '+4930123456', 'name:*shop*'] }, { clock });
    const find = (callerId: CallerId) => side.lists.find('block', callerId);
    expect(find(from('+4930123456', 'SHOP'))).toBe('+4930123456');
    expect(find(from('+49301234567'))).toBe('+4930*');
    expect(find(from('+4989'))).toBe('+49*');
    expect(find(from('+12025550123', 'The Shop'))).toBe('name:*shop*');
    expect(find(from('+12025550123', 'Erika'))).toBeUndefined();
    expect(find(WITHHELD)).toBeUndefined();
  });

  it('move an entry from one list to the other', async () => {
    const { side } = await openScreening({}, { clock });
    const pattern = parseCallerPattern('+4930999');
    await side.lists.add('block', pattern);
    await side.lists.add('allow', pattern);
    expect(side.lists.list('block')).toEqual([]);
    expect(side.lists.list('allow')).toMatchObject([{ pattern: '+4930999' }]);
    expect(await side.lists.remove('allow', pattern)).toBe(true);
    expect(await side.lists.remove('allow', pattern)).toBe(false);
  });

  it('leave entries of the file to the file', async () => {
    const { side } = await openScreening({ block: ['+4990*'] }, { clock });
    await expect(side.lists.remove('block', parseCallerPattern('+4990*'))).rejects.toThrow(
      /configuration file, screening.block: remove it there/,
    );
    expect(side.lists.list('block')).toHaveLength(1);
  });

  it('take ten thousand entries and no more, and stay quick', async () => {
    const { side } = await openScreening({}, { clock });
    for (let i = 0; i < 10_000; i++) await side.lists.add('block', { kind: 'number', number: `+49${10_000 + i}` });
    await expect(side.lists.add('block', parseCallerPattern('+4915'))).rejects.toThrow(/hold 10000 entries/);
    await side.lists.add('block', parseCallerPattern('+4910000'), 'once more');
    expect(side.lists.find('block', from('+4919999'))).toBe('+4919999');
    expect(side.lists.list('block')).toHaveLength(10_000);
  });
});
