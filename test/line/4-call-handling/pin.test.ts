import { beforeAll, describe, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import { PinGate } from '#gateway/calls/pin-gate.ts';
import { hashPin } from '#gateway/calls/pin-hash.ts';
import { systemRandom } from '#platform/random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';
const PIN = '271828';
const NUMBER = '+4930555';
const MINUTE = 60_000;
let hash: string;
beforeAll(async () => {
  hash = await hashPin(PIN, systemRandom);
});

const pins = () => [{ name: 'family', hash, from: ['members' as const] }];

describe('PINs', () => {
  it('are kept as salted hashes only, of 6 digits at least', async () => {
    expect(hash).not.toContain(PIN);
    expect(await hashPin(PIN, systemRandom)).not.toBe(hash);
    await expect(hashPin('12345', systemRandom)).rejects.toThrow('6 to 16 digits');
    await expect(hashPin('12345a', systemRandom)).rejects.toThrow('6 to 16 digits');
    const config = (pins: object[], line: object = {}) => checkConfig({ line: [{ device: 'a', ...line }], pins });
    expect(config([{ name: 'family', hash, from: ['line'] }], { dial_in: 'at-once' })).toHaveProperty('config');
    expect(config([{ name: 'family', hash: PIN, from: ['line'] }])).toMatchObject({
      problems: [{ path: 'pins[0].hash' }],
    });
    expect(config([{ name: 'family', hash, from: ['members'] }], { dial_in: 'at-once' })).toMatchObject({
      problems: [{ path: 'line[0].dial_in' }],
    });
  });

  it('lock the caller who guesses, longer with each try, and everybody when guesses come from everywhere', async () => {
    const clock = new VirtualClock();
    const gate = new PinGate(clock, [{ name: 'family', hash, from: ['line'] }]);
    const guess = (caller: string, pin: string) => clock.hold(gate.check('line', caller, pin));
    for (let i = 0; i < 3; i++) expect(await guess('a', '000000')).toEqual({ kind: 'wrong' });
    expect(await guess('a', PIN)).toEqual({ kind: 'locked' });
    // Another caller is not locked out by that.
    expect(await guess('b', PIN)).toEqual({ kind: 'right', name: 'family' });
    await clock.advance(MINUTE + 1);
    expect(await guess('a', '000000')).toEqual({ kind: 'wrong' });
    await clock.advance(MINUTE + 1);
    expect(await guess('a', PIN)).toEqual({ kind: 'locked' });
    await clock.advance(MINUTE);
    expect(await guess('a', PIN)).toEqual({ kind: 'right', name: 'family' });
    for (let i = 0; i < 8; i++) await guess(`caller ${i}`, '000000');
    expect(await guess('b', PIN)).toEqual({ kind: 'locked' });
    await clock.advance(25 * 60 * MINUTE);
    expect(await guess('b', PIN)).toEqual({ kind: 'right', name: 'family' });
  });

  it('cannot be guessed faster by many calls at once', async () => {
    const gate = new PinGate(new VirtualClock(), [{ name: 'family', hash, from: ['line'] }]);
    const verdicts = await Promise.all(['1', '2', '3', '4', PIN].map((pin) => gate.check('line', 'a', pin)));
    expect(verdicts.map(({ kind }) => kind)).toEqual(['wrong', 'wrong', 'wrong', 'locked', 'locked']);
  });

  it('count each wrong one, whoever enters a right one meanwhile', async () => {
    const gate = new PinGate(new VirtualClock(), [{ name: 'family', hash, from: ['line'] }]);
    const tries = Array.from({ length: 12 }, (_, i) => [
      gate.check('line', 'friend', PIN),
      gate.check('line', `stranger ${i}`, '000000'),
    ]);
    await Promise.all(tries.flat());
    expect(gate.isLocked('anybody')).toBe(true);
  });

  it('open what they are for only', async () => {
    const gate = new PinGate(new VirtualClock(), pins());
    expect(await gate.check('line', 'a', PIN)).toEqual({ kind: 'wrong' });
    expect(await gate.check('members', 'b', PIN)).toEqual({ kind: 'right', name: 'family' });
  });
});

describe('a member that no rule names', () => {
  const dial_plan = { allow: [{ callers: ['pin:family'], prefixes: ['+49'] }] };
  const gateway = () => {
    const gw = new TestGateway({ line: [{ device: 'a' }], dial_plan, pins: pins() });
    return { gw, alice: gw.phone(ALICE) };
  };

  it('enters a PIN and is connected; neither PIN nor its digits appear anywhere', async () => {
    const { gw, alice } = gateway();
    const call = await gw.clock.run(alice.call(NUMBER));
    const media = gw.medias[0]!;
    await gw.clock.advance(1000);
    expect(media.played.some((sound) => new Set(sound).size > 10)).toBe(true);
    media.press(`${PIN}#`);
    const dialling = await gw.hold(() => gw.line.diallings[0]);
    expect(dialling.digits).toBe('030555');
    const line = dialling.answer();
    await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
    // From now on two people talk, and their digits are theirs.
    media.press('7');
    await gw.clock.advance(100);
    expect(line.sent).toBe('7');
    line.end('busy-tone');
    await gw.clock.run(call.ended);
    expect(await gw.over()).toMatchObject({
      caller: 'pin:family',
      callerName: ALICE,
      callee: NUMBER,
      outcome: 'answered',
      answer: 'inferred',
    });
    const digits = gw.events.flatMap((event) => (event.event === 'digit' ? [event.digit] : []));
    expect(digits).toEqual(['7']);
    expect(JSON.stringify([gw.events, gw.logged, await gw.ended()])).not.toContain(PIN);
  });

  it('is let go after three wrong ones, and then has to wait', async () => {
    const { gw, alice } = gateway();
    const call = await gw.clock.run(alice.call(NUMBER));
    for (let i = 0; i < 3; i++) {
      await gw.clock.advance(2000);
      gw.medias[0]!.press('314159#');
      await gw.hold(() => (gw.logged.filter((entry) => entry.includes('PIN refused')).length > i ? true : undefined));
    }
    expect(await gw.clock.run(call.ended)).toMatchObject({ reason: 'Q.850;cause=21;text="Call rejected"' });
    expect(await gw.over()).toMatchObject({ outcome: 'refused', end: 'PIN locked', cause: 21, answer: 'none' });
    const again = await gw.clock.run(alice.call(NUMBER));
    gw.medias[1]!.press(`${PIN}#`);
    await gw.clock.run(again.ended);
    expect(await gw.over()).toMatchObject({ outcome: 'refused', end: 'PIN locked' });
    expect(gw.line.diallings).toEqual([]);
    expect(JSON.stringify(gw.logged)).not.toContain('314159');
  });

  it('is let go when no PIN comes', async () => {
    const { gw, alice } = gateway();
    const call = await gw.clock.run(alice.call(NUMBER));
    await gw.clock.run(call.ended, 20_000);
    expect(await gw.over()).toMatchObject({ outcome: 'refused', end: 'no PIN came' });
  });

  it('is refused at once where no PIN would help', async () => {
    const { gw, alice } = gateway();
    const refused = alice.call('+33155').catch((thrown) => thrown.fault);
    expect(await gw.clock.run(refused)).toMatchObject({ status: 403 });
    expect(gw.medias).toEqual([]);
  });
});
