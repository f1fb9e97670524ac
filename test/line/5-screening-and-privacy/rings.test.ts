import { describe, expect, it } from 'vitest';
import { countryCodes } from '#platform/country-code.ts';
import { countries, firstRing } from '#pstn/countries.ts';
import type { CallerId, LineHangup } from '#pstn/line.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { ALICE, openScreening, screenedGateway } from './screened.ts';

const KNOWN: CallerId = { number: '+4930123456', name: 'Erika', presentation: 'available' };
const WITHHELD: CallerId = { number: undefined, name: undefined, presentation: 'withheld' };
const UNAVAILABLE: CallerId = { number: undefined, name: undefined, presentation: 'unavailable' };
const DAY_MS = 86_400_000;

describe('a screened line', () => {
  it('rings phones for callers on no list, unless told otherwise', async () => {
    const { gw, alice } = await screenedGateway({ block: ['+4990*'] });
    gw.line.ring(KNOWN);
    await gw.until(() => alice.incoming[0]);
  });

  it('answers callers on the block list, hangs up at once, and no phone rings', async () => {
    const { gw, alice } = await screenedGateway({ block: ['+4930123456'] });
    const ringing = gw.line.ring(KNOWN);
    expect(await gw.over()).toMatchObject({
      outcome: 'blocked',
      end: expect.stringContaining('blocked as +4930123456'),
      caller: '+4930123456',
    });
    expect((await ringing.answered).isOver).toBe(true);
    expect(alice.incoming).toEqual([]);
    expect(gw.lastCall()).toMatchObject({ state: 'blocked', outcome: 'blocked' });
  });

  const strangers: readonly [string, CallerId, CallerId][] = [
    ['+4930123456', KNOWN, { ...KNOWN, number: '+49301234567' }],
    ['+4930*', KNOWN, { ...KNOWN, number: '+4989123456' }],
    ['withheld', WITHHELD, UNAVAILABLE],
    ['unavailable', UNAVAILABLE, WITHHELD],
    ['name:*rik*', KNOWN, { ...KNOWN, name: 'Frida' }],
  ];
  it.each(strangers)(
    'blocks by %s, and lets who is not meant ring; the other way round on the allow list',
    async (pattern, meant, other) => {
      const blocking = await screenedGateway({ block: [pattern] });
      blocking.gw.line.ring(meant);
      expect(await blocking.gw.over()).toMatchObject({ outcome: 'blocked', end: `blocked: blocked as ${pattern}` });
      expect(blocking.alice.incoming).toEqual([]);
      blocking.gw.line.ring(other);
      await blocking.gw.until(() => blocking.alice.incoming[0]);

      const rest = { others: 'hang-up', withheld: 'hang-up', unavailable: 'hang-up' } as const;
      const allowing = await screenedGateway({ allow: [pattern], ...rest });
      allowing.gw.line.ring(other);
      expect(await allowing.gw.over()).toMatchObject({ outcome: 'blocked' });
      expect(allowing.alice.incoming).toEqual([]);
      allowing.gw.line.ring(meant);
      await allowing.gw.until(() => allowing.alice.incoming[0]);
    },
  );

  it('lets who is on both lists ring', async () => {
    const { gw, alice } = await screenedGateway({ block: ['+49*'], allow: ['+4930123456'] });
    gw.line.ring(KNOWN);
    await gw.until(() => alice.incoming[0]);
  });

  it('only lets the line ring for who is ignored: never answered, recorded as blocked once the caller gave up', async () => {
    const { gw, alice } = await screenedGateway({ block: ['name:erika'], blocked: 'ignore' });
    const ringing = gw.line.ring(KNOWN);
    let answered = false;
    void ringing.answered.then(() => {
      answered = true;
    });
    await gw.clock.advance(30_000);
    expect(gw.calls.list).toHaveLength(1);
    ringing.stop('caller-gave-up');
    const record = await gw.over();
    expect([record?.outcome, record?.answeredAt]).toEqual(['blocked', undefined]);
    expect([answered, alice.incoming.length]).toEqual([false, 0]);
  });

  it('treats withheld and unavailable numbers each in its own way', async () => {
    const { gw, alice } = await screenedGateway({ withheld: 'hang-up', unavailable: 'ring' });
    gw.line.ring(WITHHELD);
    expect(await gw.over()).toMatchObject({ outcome: 'blocked', caller: 'withheld' });
    expect(alice.incoming).toEqual([]);
    gw.line.ring(UNAVAILABLE);
    await gw.until(() => alice.incoming[0]);
  });

  it('sends callers to voice mail without ringing', async () => {
    const taken: string[] = [];
    const voiceMail = {
      serves: () => true,
      answerAfterSeconds: 20,
      take: async (_call: unknown, { user }: { readonly user: string }) => {
        taken.push(user);
        return { left: true, messageId: '1', seconds: 3 } as const;
      },
    };
    const { gw, alice } = await screenedGateway({ others: 'voice-mail' }, { voiceMail });
    gw.line.ring(KNOWN);
    expect(await gw.over()).toMatchObject({ outcome: 'voice-mail' });
    expect([taken, alice.incoming]).toEqual([[ALICE], []]);
  });

  it('leaves lines alone that are not named', async () => {
    const { gw, alice } = await screenedGateway({ lines: ['kitchen'], others: 'hang-up' });
    gw.line.ring(KNOWN);
    await gw.until(() => alice.incoming[0]);
  });
});

describe('a challenged caller', () => {
  async function challenged(input: object = {}, callerId: CallerId = KNOWN) {
    const all = await screenedGateway({ others: 'challenge', withheld: 'challenge', ...input });
    const ringing = all.gw.line.ring(callerId);
    const line = await ringing.answered;
    await all.gw.clock.advance(500);
    return { ...all, line };
  }

  it('hears the prompt, presses the key, hears ringing, and phones ring; the answer joins both', async () => {
    const { gw, alice, line } = await challenged();
    expect(line.played.some((piece) => piece.some((code) => code !== 0xff))).toBe(true);
    expect(alice.incoming).toEqual([]);
    line.press('1');
    const incoming = await gw.until(() => alice.incoming[0]);
    line.played.length = 0;
    await gw.clock.advance(2000);
    expect(line.played.some((piece) => piece.some((code) => code !== 0xff))).toBe(true);
    const call = await gw.clock.run(incoming.answer());
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ outcome: 'answered', end: 'phone: hung up' });
    expect(gw.events.filter(({ event }) => event === 'digit')).toEqual([]);
  });

  it.each([
    ['presses nothing', ''],
    ['presses wrong keys', '23'],
  ])('who %s is hung up on after two tries, and no phone rings', async (_, keys) => {
    const { gw, alice, line } = await challenged();
    const startedAt = gw.clock.now();
    for (const key of keys) {
      line.press(key);
      await gw.clock.advance(100);
    }
    expect(await gw.over()).toMatchObject({ outcome: 'blocked' });
    expect(line.isOver).toBe(true);
    expect(alice.incoming).toEqual([]);
    expect(gw.clock.now() - startedAt).toBeLessThan(25_000);
  });

  it('who hangs up meanwhile is recorded as blocked', async () => {
    const { gw, alice, line } = await challenged();
    line.end('busy-tone' satisfies LineHangup);
    expect(await gw.over()).toMatchObject({ outcome: 'blocked' });
    expect(alice.incoming).toEqual([]);
  });

  it('is not asked again for as many days as configured, and then again', async () => {
    const { gw, alice, line } = await challenged({ remember_days: 7 });
    line.press('1');
    await gw.until(() => alice.incoming[0]);
    line.end('busy-tone');
    await gw.over();
    await gw.clock.advance(6 * DAY_MS);
    const second = gw.line.ring(KNOWN);
    await gw.until(() => alice.incoming[1]);
    second.stop('caller-gave-up');
    await gw.over();
    await gw.clock.advance(2 * DAY_MS);
    await gw.line.ring(KNOWN).answered;
    await gw.clock.advance(5000);
    expect(alice.incoming).toHaveLength(2);
  });

  it('without a number is asked each time', async () => {
    const { gw, alice, line } = await challenged({}, WITHHELD);
    line.press('1');
    await gw.until(() => alice.incoming[0]);
    line.end('busy-tone');
    await gw.over();
    await gw.line.ring(WITHHELD).answered;
    await gw.clock.advance(5000);
    expect(alice.incoming).toHaveLength(1);
  });
});

describe('the numbers that passed', () => {
  it('are 2000 at most, the latest ones, and can be forgotten', async () => {
    const clock = new VirtualClock();
    const { side } = await openScreening({ others: 'challenge' }, { clock });
    for (let i = 0; i < 2001; i++) {
      await side.passed.add(`+49${i}`);
      await clock.advance(1);
    }
    expect(side.passed.count).toBe(2000);
    expect([side.passed.has('+490'), side.passed.has('+491')]).toEqual([false, true]);
    expect(await side.passed.clear()).toBe(2000);
    expect(side.passed.has('+491')).toBe(false);
  });
});

describe('over the driver, an emulated modem and an emulated exchange', () => {
  it.each(countryCodes)('a blocked caller on a line of %s is gone before the second ring', async (country) => {
    const real = simulatedLine({ country }, { country });
    const { gw, alice } = await screenedGateway({ block: ['name:nuisance'] }, { real });
    await real.clock.run(real.line.start());
    const rungAt = real.clock.now();
    real.emulated.exchange.ring({
      callerId: { number: '5550100', name: 'NUISANCE' },
      party: { behaviour: 'answers', answerAfterMs: 0, sendHz: 440 },
    });
    await gw.until(() => real.find('off-hook'), 20_000);
    expect(real.clock.now() - rungAt).toBeLessThan(firstRing(countries[country].ringing).secondAfterMs);
    expect(await gw.over()).toMatchObject({ outcome: 'blocked' });
    expect(alice.incoming).toEqual([]);
    await gw.until(() => real.find('on-hook'), 20_000);
    expect(real.line.status.state).toBe('idle');
  });
});
