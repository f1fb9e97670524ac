import { beforeAll, describe, expect, it } from 'vitest';
import { hashPin } from '#gateway/calls/pin-hash.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { concat } from '#platform/bytes.ts';
import { systemRandom } from '#platform/random.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const BOB = '4711@home.example';
const PIN = '271828';
const OWN = '+4930100';
let hash: string;
beforeAll(async () => {
  hash = await hashPin(PIN, systemRandom);
});

/** Of the latest half second that was played. */
function hz({ played }: { readonly played: readonly Uint8Array[] }): number | undefined {
  return dominantFrequencyOfMulaw(concat(...played.slice(-25)))?.frequency;
}

/** Whether a tone came and went in the latest seconds. */
function beeped({ played }: { readonly played: readonly Uint8Array[] }, tone: number): boolean {
  const found = [];
  for (let at = Math.max(0, played.length - 150); at + 10 <= played.length; at += 10) {
    found.push(dominantFrequencyOfMulaw(concat(...played.slice(at, at + 10)))?.frequency);
  }
  return found.includes(undefined) && found.some((frequency = 0) => Math.abs(frequency - tone) < 5);
}

describe('two-stage dialling', () => {
  const dial_plan = { allow: [{ callers: [ALICE], prefixes: ['+49'] }] };

  it('gives the dial tone of the country to who calls the access number, takes a number, and dials it', async () => {
    const gw = new TestGateway({ line: [{ device: 'a', access_number: '900' }], dial_plan });
    const call = await gw.clock.run(gw.phone(ALICE).call('900'));
    const media = gw.medias[0]!;
    await gw.clock.advance(1000);
    expect(hz(media)).toBeCloseTo(425, -1);
    media.press('03055');
    await gw.clock.advance(1000);
    expect(hz(media)).toBeUndefined();
    media.press('5');
    const dialling = await gw.until(() => gw.line.diallings[0]);
    expect(dialling.digits).toBe('030555');
    // Ringback, since the phone was answered and plays none by itself.
    await gw.clock.advance(700);
    expect(hz(media)).toBeCloseTo(425, -1);
    const line = dialling.answer();
    await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
    // From now on only the line plays, 50 pieces a second: no tone of this program lies under the talk.
    const before = media.played.length;
    await gw.clock.advance(1000);
    expect(media.played.length - before).toBeLessThanOrEqual(51);
    expect(media.played.length - before).toBeGreaterThan(45);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ caller: ALICE, callee: '+4930555', end: 'phone: hung up' });
    expect(line.isOver).toBe(true);
    expect(gw.events.some(({ event }) => event === 'digit')).toBe(false);
  });

  it('serves the own number too where that is switched on, and no call that did not ask for it', async () => {
    const gw = new TestGateway({ line: [{ device: 'a', number: OWN, two_stage: true }], dial_plan });
    const alice = gw.phone(ALICE);
    const call = await gw.clock.run(alice.call(OWN));
    expect(gw.line.diallings).toEqual([]);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'phone: hung up' });
    const usual = alice.call('+4930555');
    (await gw.until(() => gw.line.diallings[0])).fail({ code: 'busy' });
    expect(await gw.clock.run(usual.catch((thrown) => thrown.fault))).toMatchObject({ status: 486 });
    const off = new TestGateway({ line: [{ device: 'a', number: OWN }], dial_plan });
    off
      .phone(ALICE)
      .call(OWN)
      .catch(() => {});
    await off.until(() => off.line.diallings[0]);
    expect(off.medias).toEqual([]);
  });

  it('plays busy tone and lets go when no number comes, when it is none, and when it is refused', async () => {
    for (const [typed, end, cause] of [
      ['', 'no number came', 28],
      ['12#', 'no number came', 28],
      ['0033155555555#', 'no rule of the dial plan lets this caller dial this number', 21],
    ] as const) {
      const gw = new TestGateway({ line: [{ device: 'a', access_number: '900' }], dial_plan });
      const call = await gw.clock.run(gw.phone(ALICE).call('900'));
      await gw.clock.advance(100);
      gw.medias[0]!.press(typed);
      const ended = await gw.clock.run(call.ended, 30_000);
      expect(ended.reason).toContain(`cause=${cause};`);
      expect(beeped(gw.medias[0]!, 425)).toBe(true);
      expect(await gw.over()).toMatchObject({ end, cause, answer: 'none' });
      expect(gw.line.diallings).toEqual([]);
    }
  });

  it('carries an emergency call to its end, as it would without stages', async () => {
    const gw = new TestGateway({
      line: [{ device: 'a', access_number: '900' }],
      dial_plan: { ...dial_plan, emergency: true, minutes_per_call: 1 },
    });
    const call = await gw.clock.run(gw.phone(ALICE).call('900'));
    await gw.clock.advance(100);
    gw.medias[0]!.press('112#');
    const line = (await gw.until(() => gw.line.diallings[0])).answer();
    await gw.until(() => gw.events.find(({ event }) => event === 'emergency'));
    await gw.clock.advance(1000);
    // A text telephone sounds like a fax machine.
    line.happen({ type: 'fax', tone: 'answer' });
    await gw.clock.advance(65_000);
    expect(line.isOver).toBe(false);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({ emergency: true, callee: '112', outcome: 'answered' });
  });

  it('is for nobody whom no rule names', async () => {
    const gw = new TestGateway({ line: [{ device: 'a', access_number: '900' }], dial_plan });
    const refused = gw.phone('mallory@home.example').call('900');
    expect(await gw.clock.run(refused.catch((thrown) => thrown.fault))).toMatchObject({ status: 403 });
  });
});

describe('dialling in from outside', () => {
  const config = (line: object) => ({
    line: [
      { name: 'home', device: 'a', rings: [ALICE], ring_seconds: 5, ...line },
      { name: 'office', device: 'b' },
    ],
    dial_plan: { allow: [{ callers: ['pin:family'], prefixes: ['+49'] }] },
    pins: [{ name: 'family', hash, from: ['line' as const] }],
  });

  async function dialledIn(line: object, digits: string) {
    const gw = new TestGateway(config(line));
    const bob = gw.phone(BOB);
    const caller = await gw.clock.run(gw.lines[0]!.ring().answered);
    await gw.clock.advance(100);
    caller.press(`${PIN}#`);
    await gw.hold(() => (Math.abs((hz(caller) ?? 0) - 425) < 5 ? true : undefined));
    caller.press(digits);
    return { gw, bob, caller };
  }

  it('leaves no line open when the caller hangs up in the moment of the answer, and keeps a record of that line', async () => {
    const { gw, caller } = await dialledIn({ dial_in: 'at-once', dial_in_lines: true }, '030555#');
    const far = (await gw.until(() => gw.lines[1]!.diallings[0])).answer();
    caller.end('far-end');
    await gw.over();
    await gw.clock.advance(1000);
    expect([far.isOver, gw.lines[1]!.status.state]).toEqual([true, 'idle']);
    expect((await gw.ended()).find(({ line }) => line === 'office')).toMatchObject({
      ...{ direction: 'to-line', caller: 'pin:family', callee: '+4930555', outcome: 'answered' },
    });
  });

  it('goes nowhere when the PIN is typed once more in place of a number, and nobody is told of it', async () => {
    for (const typed of [`${PIN}#`, `${PIN}030555#`]) {
      const { gw } = await dialledIn({ dial_in: 'at-once', dial_in_lines: true }, typed);
      expect(await gw.over()).toMatchObject({ end: 'no number came' });
      expect(gw.lines[1]!.diallings).toEqual([]);
      expect(JSON.stringify([gw.events, gw.logged, await gw.ended()])).not.toContain(PIN);
    }
  });

  it('is off by default: the phones ring as ever', async () => {
    const gw = new TestGateway(config({}));
    const alice = gw.phone(ALICE);
    const ringing = gw.lines[0]!.ring();
    await gw.until(() => alice.incoming[0]);
    ringing.stop('caller-gave-up');
    await gw.over();
  });

  it('reaches a user of the overlay by PIN and digits; their digits are in no event and no log', async () => {
    const { gw, bob, caller } = await dialledIn({ dial_in: 'at-once' }, '4711#');
    const atBob = await gw.until(() => bob.incoming[0]);
    expect(atBob.fromName).toBe('Erika');
    const call = await gw.clock.run(atBob.answer());
    await gw.clock.advance(100);
    expect(gw.events.some(({ event }) => event === 'digit')).toBe(false);
    caller.press('5');
    await gw.clock.advance(100);
    expect(gw.events.filter(({ event }) => event === 'digit')).toHaveLength(1);
    await gw.clock.run(call.hangUp());
    expect(await gw.over()).toMatchObject({
      direction: 'from-line',
      callee: BOB,
      outcome: 'answered',
      end: 'phone: hung up',
    });
    expect(JSON.stringify([gw.events, gw.logged])).not.toContain(PIN);
  });

  it('reaches another line only where that is enabled, and only as far as rules for the PIN go', async () => {
    const off = await dialledIn({ dial_in: 'at-once' }, '030555#');
    expect(await off.gw.over()).toMatchObject({ end: 'phone: none is registered', cause: 20 });
    expect(off.gw.lines[1]!.diallings).toEqual([]);
    const abroad = await dialledIn({ dial_in: 'at-once', dial_in_lines: true }, '0033155555555#');
    expect(await abroad.gw.over()).toMatchObject({ outcome: 'refused', cause: 21 });
    expect(abroad.gw.lines[1]!.diallings).toEqual([]);
    const { gw, caller } = await dialledIn({ dial_in: 'at-once', dial_in_lines: true }, '030555#');
    const far = (await gw.until(() => gw.lines[1]!.diallings[0])).answer();
    await gw.clock.advance(100);
    caller.end('busy-tone');
    await gw.over();
    expect(far.isOver).toBe(true);
    expect(gw.accounting.budgets.usage('pin:family').callsLastHour).toBe(1);
  });

  it('waits until nobody answered where that is asked, and goes to voice mail when no PIN comes', async () => {
    const voiceMail = {
      serves: (user: string) => user === ALICE,
      answerAfterSeconds: 5,
      take: async () => ({ left: true, messageId: '1', seconds: 3 }) as const,
    };
    const gw = new TestGateway(config({ dial_in: 'unanswered' }), { voiceMail });
    const alice = gw.phone(ALICE);
    gw.lines[0]!.ring();
    await gw.until(() => alice.incoming[0]);
    await gw.clock.advance(6000);
    expect(gw.calls.list[0]?.answeredAt).toBeDefined();
    expect(await gw.over()).toMatchObject({ outcome: 'voice-mail' });
  });

  it('leaves no message of a caller who hangs up at the prompt, and stops when it is told to', async () => {
    const voiceMail = {
      serves: () => true,
      answerAfterSeconds: 5,
      take: async () => ({ left: true, messageId: '1', seconds: 3 }) as const,
    };
    const gw = new TestGateway(config({ dial_in: 'at-once' }), { voiceMail });
    const caller = await gw.clock.run(gw.lines[0]!.ring().answered);
    await gw.clock.advance(3000);
    caller.end('busy-tone');
    expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'line: busy-tone', answer: 'real' });
    const next = await gw.clock.run(gw.lines[0]!.ring().answered);
    await gw.clock.advance(3000);
    gw.calls.list[0]?.hangUp.abort(new Error('enough'));
    expect(await gw.over()).toMatchObject({ outcome: 'failed', end: 'stopped: enough' });
    expect(next.isOver).toBe(true);
  });

  it('lets go of callers who guess', async () => {
    const gw = new TestGateway(config({ dial_in: 'at-once' }));
    const caller = await gw.clock.run(gw.lines[0]!.ring().answered);
    for (let i = 0; i < 3; i++) {
      caller.press('000000#');
      await gw.hold(() => (gw.logged.filter((entry) => entry.includes('PIN refused')).length > i ? true : undefined));
      // The tone that says no is played to its end.
      await gw.clock.advance(1000);
    }
    expect(await gw.over()).toMatchObject({ outcome: 'refused', end: 'PIN locked', cause: 21 });
    expect(caller.isOver).toBe(true);
  });
});
