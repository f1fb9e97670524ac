import { describe, expect, it } from 'vitest';
import { silence } from '#media/g711.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import type { FakeLineCall } from './fake-line.ts';
import { TestGateway } from './test-gateway.ts';

/** One line brings a tone for two seconds, the other silence; gives what the second line is played, in Hz. */
function passed(from: FakeLineCall, to: FakeLineCall, hz: number): number | undefined {
  const tone = new ToneGenerator([hz]);
  const played: Uint8Array[] = [];
  for (let i = 0; i < 100; i++) {
    from.hear(tone.next(160));
    played.push(to.hear(silence(160)).slice());
  }
  return dominantFrequencyOfMulaw(concat(...played.slice(50)))?.frequency;
}

const ALICE = 'alice@home.example';

function gateway(more: object = {}) {
  const gw = new TestGateway({
    line: [
      { name: 'home', device: 'a', rings: [ALICE], ring_seconds: 5, ...more },
      { name: 'office', device: 'b', country: 'DE' },
    ],
  });
  return { gw, home: gw.lines[0]!, office: gw.lines[1]! };
}

describe('the last resort', () => {
  it('is called over another line when nobody answered, and joined to the caller: sound, digits and end', async () => {
    const { gw, home, office } = gateway({ last_resort: '+4917012345678' });
    gw.phone(ALICE);
    const ringing = home.ring();
    const dialling = await gw.until(() => office.diallings[0]);
    expect(gw.clock.now()).toBeGreaterThanOrEqual(gw.startedAt + 5000);
    expect(dialling.digits).toBe('017012345678');
    const far = dialling.answer({ kind: 'real', by: 'polarity' });
    const near = await gw.clock.run(ringing.answered);
    await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
    expect(passed(near, far, 440)).toBeCloseTo(440, -1);
    expect(passed(far, near, 600)).toBeCloseTo(600, -1);
    near.press('1');
    far.press('2');
    await gw.clock.advance(10);
    expect([far.sent, near.sent]).toEqual(['1', '2']);
    far.end('busy-tone');
    await gw.over();
    expect(near.isOver).toBe(true);
    const records = await gw.ended();
    expect(records).toHaveLength(2);
    expect(records.find(({ line }) => line === 'office')).toMatchObject({
      direction: 'to-line',
      caller: '+4930123456',
      callee: '+4917012345678',
      end: 'line: busy-tone',
    });
    expect(records.find(({ line }) => line === 'home')).toMatchObject({ outcome: 'answered', end: 'phone: hung up' });
  });

  it('is given up when the caller hangs up meanwhile', async () => {
    const { gw, home, office } = gateway({ last_resort: '+4917012345678' });
    gw.phone(ALICE);
    const ringing = home.ring();
    await gw.until(() => office.diallings[0]);
    ringing.stop('caller-gave-up');
    await gw.over();
    const records = await gw.ended();
    expect(records.find(({ line }) => line === 'home')).toMatchObject({
      outcome: 'missed',
      end: 'line: caller gave up',
    });
    // The attempt is kept too, so that a restart does not renew what is allowed.
    expect(records.find(({ line }) => line === 'office')).toMatchObject({ outcome: 'missed', end: 'line: aborted' });
    expect(office.status.state).toBe('idle');
  });

  it('is nobody without the setting, nor when no other line is free: no call goes from line to line by itself', async () => {
    for (const [more, isBusy] of [
      [{}, false],
      [{ last_resort: '+4917012345678' }, true],
    ] as const) {
      const { gw, home, office } = gateway(more);
      if (isBusy) office.status = { state: 'busy', modem: 'fake' };
      gw.phone(ALICE);
      home.ring();
      expect(await gw.over()).toMatchObject({ outcome: 'missed', end: 'phone: nobody answered' });
      expect([...home.diallings, ...office.diallings]).toEqual([]);
    }
  });

  it('is called no more often and for no longer than the budgets allow, whoever calls in', async () => {
    const gw = new TestGateway({
      line: [
        { name: 'home', device: 'a', rings: [ALICE], ring_seconds: 5, last_resort: '+4917012345678' },
        { name: 'office', device: 'b' },
      ],
      dial_plan: { total_calls_per_hour: 2, total_minutes_per_day: 2 },
    });
    gw.phone(ALICE);
    for (let i = 0; i < 2; i++) {
      const ringing = gw.lines[0]!.ring({ number: `+49301234${i}`, name: undefined, presentation: 'available' });
      (await gw.until(() => gw.lines[1]!.diallings[i])).fail({ code: 'busy' });
      await gw.over();
      ringing.stop('caller-gave-up');
    }
    const third = gw.lines[0]!.ring();
    await gw.over();
    third.stop('caller-gave-up');
    expect(gw.lines[1]!.diallings).toHaveLength(2);
    await gw.clock.advance(3_600_000);
    const ringing = gw.lines[0]!.ring();
    const far = (await gw.until(() => gw.lines[1]!.diallings[2])).answer();
    const near = await gw.clock.run(ringing.answered);
    await gw.clock.advance(110_000);
    expect(near.isOver).toBe(false);
    await gw.clock.advance(20_000);
    expect([near.isOver, far.isOver]).toEqual([true, true]);
  });
});
