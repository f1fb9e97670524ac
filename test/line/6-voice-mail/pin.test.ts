import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PinBook, type PinVerdict } from '#gateway/voice-mail/pin-book.ts';
import { systemRandom } from '#platform/random.ts';
import { ALICE, TestMailboxes } from './mailboxes.ts';

const MINUTE = 60_000;
let boxes: TestMailboxes;
beforeEach(async () => {
  boxes = await TestMailboxes.create();
});
afterEach(() => boxes.remove());

async function book(initial: Record<string, string> = { [ALICE]: '271828' }): Promise<PinBook> {
  const records = (await boxes.database()).namespace('pins');
  return new PinBook({ clock: boxes.clock, random: systemRandom, records }, new Map(Object.entries(initial)));
}

async function wrong(pins: PinBook, times: number): Promise<readonly PinVerdict[]> {
  const verdicts: PinVerdict[] = [];
  for (let i = 0; i < times; i++) verdicts.push(await pins.check(ALICE, '0000'));
  return verdicts;
}

describe('PINs', () => {
  it('let the owner in, by the one of the configuration until another one is set', async () => {
    const pins = await book();
    expect([pins.hasPin(ALICE), pins.hasPin('bob@home.example')]).toEqual([true, false]);
    expect(await pins.check(ALICE, '271828')).toBe('right');
    await pins.set(ALICE, '314159');
    expect(await pins.check(ALICE, '271828')).toBe('wrong');
    expect(await (await book()).check(ALICE, '314159')).toBe('right');
    expect(await pins.check('bob@home.example', '')).toBe('wrong');
  });

  it('are kept as hashes only', async () => {
    await (await book()).set(ALICE, '314159');
    const records = (await boxes.database()).namespace('pins');
    const all = Array.from(records.keys(''), (key) => Buffer.from(records.get(key) ?? []).toString()).join();
    expect(all).toContain('hash');
    expect(all).not.toContain('314159');
  });

  it('have four to twelve digits', async () => {
    const pins = await book();
    for (const bad of ['', '123', '1234567890123', '12a4', '12 34']) {
      await expect(pins.set(ALICE, bad)).rejects.toMatchObject({ fault: { code: 'bad-pin' } });
    }
  });

  it('lock the mailbox after five wrong ones, for the right one too, and longer each time', async () => {
    const pins = await book();
    expect(await wrong(pins, 5)).toEqual(['wrong', 'wrong', 'wrong', 'wrong', 'locked']);
    expect(await pins.check(ALICE, '271828')).toBe('locked');
    await boxes.clock.advance(5 * MINUTE - 1);
    expect(await pins.check(ALICE, '271828')).toBe('locked');
    await boxes.clock.advance(1);
    expect((await wrong(pins, 5)).at(-1)).toBe('locked');
    await boxes.clock.advance(5 * MINUTE);
    expect(await pins.check(ALICE, '271828')).toBe('locked');
    await boxes.clock.advance(5 * MINUTE);
    expect(await pins.check(ALICE, '271828')).toBe('right');
    // From the beginning again.
    expect(await wrong(pins, 4)).not.toContain('locked');
  });

  it('stay locked over a restart, and for many calls at once', async () => {
    const pins = await book();
    const verdicts = await Promise.all(Array.from({ length: 8 }, () => pins.check(ALICE, '0000')));
    expect(verdicts.filter((verdict) => verdict === 'wrong')).toHaveLength(4);
    expect(await (await book()).check(ALICE, '271828')).toBe('locked');
    await pins.set(ALICE, '314159');
    expect(await pins.check(ALICE, '314159')).toBe('right');
  });
});
