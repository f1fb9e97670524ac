import { describe, expect, it } from 'vitest';
import { LinePool } from '#gateway/line-pool.ts';
import type { DialFault } from '#pstn/line.ts';
import { ALICE, BOB, dialling, outboundGateway, placed } from './outbound.ts';

const BERLIN = '+4930123456';
const MUNICH = '+4989123456';

describe('several lines', () => {
  it('a call takes the line that fits best: by prefix, then priority, then cost, then order', () => {
    const gw = outboundGateway([
      { serves: ['+49'], priority: 1 },
      { serves: ['+'], priority: 0 },
      { serves: ['+4930'], priority: 200 },
      { serves: ['+49'], priority: 1, cost: 5 },
      { serves: ['+49'], priority: 1 },
      { serves: ['+43'] },
    ]);
    const pool = new LinePool(gw.desks);
    const order = (e164: string) => pool.hunt({ kind: 'number', e164 }).map(({ line }) => line.name);
    expect(order(BERLIN)).toEqual(['line2', 'line0', 'line4', 'line3', 'line1']);
    expect(order('+33123456789')).toEqual(['line1']);
    expect(pool.hunt({ kind: 'short', digits: '115' })).toHaveLength(6);
  });

  it('the next line is tried when the first one cannot take the call, whatever the reason within the line', async () => {
    const faults: readonly DialFault[] = [
      { code: 'no-dial-tone' },
      { code: 'glare' },
      { code: 'line-unavailable', state: 'in-use' },
    ];
    for (const fault of faults) {
      const gw = outboundGateway([{}, {}]);
      const attempt = placed(gw, gw.phone(ALICE), BERLIN);
      (await dialling(gw, gw.lines[0])).fail(fault);
      (await dialling(gw, gw.lines[1])).answer();
      expect(await attempt.outcome(), fault.code).toBe('answered');
      expect(gw.lastCall()).toMatchObject({ state: 'answered', line: 'line1' });
      const call = await gw.clock.run(attempt.call);
      await gw.clock.run(call.hangUp());
      expect(await gw.over()).toMatchObject({ line: 'line1', outcome: 'answered' });
      expect((await gw.records.find({ count: 9 })).calls).toHaveLength(1);
    }
  });

  it('a number that is busy or does not exist is not tried over another line', async () => {
    for (const [code, status] of [
      ['busy', 486],
      ['special-information', 404],
      ['no-answer', 480],
    ] as const) {
      const gw = outboundGateway([{}, {}]);
      const attempt = placed(gw, gw.phone(ALICE), BERLIN);
      (await dialling(gw, gw.lines[0])).fail({ code });
      expect(await attempt.outcome()).toBe(status);
      expect(gw.lines[1]?.diallings).toEqual([]);
    }
  });

  it('as many calls as lines go out at once, and the next one is told to try elsewhere', async () => {
    const gw = outboundGateway([{}, {}]);
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    placed(gw, alice, BERLIN);
    const first = await dialling(gw, gw.lines[0]);
    placed(gw, bob, MUNICH);
    const second = await dialling(gw, gw.lines[1]);
    expect([first.digits, second.digits]).toEqual(['030123456', '089123456']);
    expect(await placed(gw, alice, '+4940123456').outcome()).toBe(503);
    first.fail({ code: 'busy' });
    await gw.clock.advance(10);
    placed(gw, alice, '+4940123456');
    expect((await dialling(gw, gw.lines[0], 1)).digits).toBe('040123456');
  });

  it('a line with rules of its own goes by them, and lets others be judged by the gateway’s', async () => {
    const own = { dial_plan: { allow: [{ callers: [BOB], prefixes: ['+49'] }], premium: true, international: false } };
    const gw = outboundGateway([own, { serves: ['+4930'] }], { deny: ['+4930666'] });
    const [alice, bob] = [gw.phone(ALICE), gw.phone(BOB)];
    expect(await placed(gw, alice, MUNICH).outcome()).toBe(403);
    placed(gw, bob, '+49900123456');
    (await dialling(gw, gw.lines[0])).fail({ code: 'busy' });
    expect(await placed(gw, bob, '+33123456789').outcome()).toBe(403);
    expect(await placed(gw, bob, '+4930666123').outcome()).toBe(403);
    placed(gw, alice, BERLIN);
    expect((await dialling(gw, gw.lines[1])).digits).toBe('030123456');
  });

  it('what the overlay is told is what the lines that are there do together', () => {
    const gw = outboundGateway([
      { serves: ['+49', '+43'], priority: 10, cost: 7 },
      { serves: ['+49'], priority: 5, cost: 9 },
      { serves: ['+'], priority: 1 },
    ]);
    const pool = new LinePool(gw.desks);
    const prefixes = () => Object.fromEntries(pool.prefixes.map((p) => [p.digits, [p.priority, p.cost]]));
    expect(pool.freeLines).toBe(3);
    expect(prefixes()).toEqual({ 49: [5, 9], 43: [10, 7], '': [1, 0] });
    gw.lines[1]!.status = { state: 'busy', modem: 'fake' };
    gw.lines[2]!.status = { state: 'absent', reason: 'unplugged' };
    expect(pool.freeLines).toBe(1);
    expect(prefixes()).toEqual({ 49: [5, 9], 43: [10, 7] });
    for (const line of gw.lines) line.status = { state: 'absent', reason: 'unplugged' };
    expect([pool.isPresent, pool.freeLines, prefixes()]).toEqual([false, 0, {}]);
  });
});
