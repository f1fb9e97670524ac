import { describe, expect, it } from 'vitest';
import { decodeMulaw, silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { callerIdSound } from '#pstn/caller-id/sound.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';
import { minimodemIn, minimodemMissing } from '../../support/minimodem.ts';
import { adsi, spandspDigitsIn, spandspMessagesIn, spandspMissing } from '../../support/spandsp.ts';
import { skipped } from './skipped.ts';

const caller: Party = { behaviour: 'answers', answerAfterMs: 0, sendHz: 700 };

/** A modem that can be listened to on hook and tells no caller ID itself. */
function bySound(): VoiceProfile {
  const conexant = builtInProfiles.find(({ name }) => name === 'conexant-cx930xx');
  if (conexant?.kind !== 'voice') throw new Error('there is no such profile');
  return { ...conexant, caller_id: { ...conexant.caller_id, from: 'sound', commands: ['AT+VCID=0'] } };
}

async function ready(
  country: CountryCode,
  modem: 'conexant-cx930xx' | 'v253' = 'conexant-cx930xx',
): Promise<SimulatedLine> {
  const simulated = simulatedLine({ country, modem }, { country, profile: bySound() });
  await simulated.clock.run(simulated.line.start());
  return simulated;
}

describe('caller ID of a modem that tells none', () => {
  it.each([
    { country: 'US', by: 'Bell 202' },
    { country: 'DE', by: 'V.23' },
    { country: 'IR', by: 'DTMF' },
  ] as const)('is read out of the sound between the first rings: $country, $by', async ({ country }) => {
    const { clock, emulated, rings, line } = await ready(country);
    for (const number of ['5551234', '0301234567']) {
      const since = clock.now();
      emulated.exchange.ring({ callerId: { number }, party: caller });
      await clock.runUntil(() => rings.length > 0);
      expect(rings[0]?.callerId).toEqual({ number, name: undefined, presentation: 'available' });
      // Told before the second ring.
      expect((rings[0]?.at ?? 0) - since).toBeLessThan(5000);
      emulated.exchange.giveUp();
      await clock.runUntil(() => line.status.state === 'idle');
      rings.length = 0;
    }
  });

  it('says what is withheld, and the name where it comes', async () => {
    for (const [callerId, heard] of [
      [
        { number: 'P', name: 'P' },
        { number: undefined, name: undefined, presentation: 'withheld' },
      ],
      [{ number: 'O' }, { number: undefined, name: undefined, presentation: 'unavailable' }],
      [
        { number: '5551234', name: 'ALICE' },
        { number: '5551234', name: 'ALICE', presentation: 'available' },
      ],
    ] as const) {
      const { clock, emulated, rings } = await ready('US');
      emulated.exchange.ring({ callerId, party: caller });
      await clock.runUntil(() => rings.length > 0);
      expect(rings[0]?.callerId).toEqual(heard);
    }
  });

  it('leaves a line that can be answered at once, and carries sound', async () => {
    const { clock, emulated, rings, find } = await ready('US');
    emulated.exchange.ring({ callerId: { number: '5551234' }, party: caller });
    await clock.runUntil(() => rings.length > 0);
    const answered = rings[0]?.ring.answer();
    const call = await clock.run(answered ?? Promise.reject(new Error('no ring')));
    let loud = 0;
    call.connect((heard) => {
      for (const code of heard) if ((code | 0x80) !== 0xff) loud++;
      return silence(heard.length);
    });
    await clock.runUntil(() => loud > 8000);
    await clock.run(call.hangUp());
    expect(find('call-ended')?.direction).toBe('to-line');
  });

  it('is told as missing by the second ring, or after 4.5 s when there is none', async () => {
    const { clock, emulated, rings, line } = await ready('US');
    const since = clock.now();
    emulated.exchange.ring({ party: caller });
    await clock.runUntil(() => rings.length > 0);
    expect(rings[0]?.callerId.presentation).toBe('unavailable');
    expect((rings[0]?.at ?? 0) - since).toBeLessThan(6100);
    emulated.exchange.giveUp();
    await clock.runUntil(() => line.status.state === 'idle');
    rings.length = 0;
    // One ring and no second one: told after the time in which a caller ID may come, and as over a while later.
    const again = clock.now();
    emulated.exchange.ring({ party: caller, ringForMs: 1000 });
    await clock.runUntil(() => rings.length > 0);
    expect((rings[0]?.at ?? 0) - again).toBeLessThan(5000);
    await clock.runUntil(() => rings[0]?.ring.abandoned.aborted === true);
    expect(clock.now() - again).toBeLessThan(13_000);
    expect(line.status.state).toBe('idle');
  });

  it('does not keep a ring from a modem that refuses to listen', async () => {
    const { clock, emulated, rings } = await ready('US', 'v253');
    const since = clock.now();
    emulated.exchange.ring({ callerId: { number: '5551234' }, party: caller });
    await clock.runUntil(() => rings.length > 0);
    expect(rings[0]?.callerId.presentation).toBe('unavailable');
    expect((rings[0]?.at ?? 0) - since).toBeLessThan(1000);
  });

  it('stops in the middle of listening', async () => {
    const { clock, emulated, line, rings } = await ready('US');
    emulated.exchange.ring({ party: caller });
    const since = clock.now();
    await clock.runUntil(() => clock.now() - since > 2000);
    await clock.run(line.stop());
    expect(line.status.state).toBe('absent');
    expect(rings).toEqual([]);
  });
});

describe('caller ID of the emulated exchange', () => {
  const block = { date: '1123', time: '0259', number: '5551234', name: 'ALICE' };
  const linear = (sound: Uint8Array) => decodeMulaw(concat(silence(800), sound, silence(800)));
  const body = '8019010831313233303235390207353535313233340705414c494345';

  it.skipIf(skipped('caller ID of the exchange and libspandsp', spandspMissing))('is what libspandsp reads', () => {
    const hex = (standard: number, sound: Uint8Array) =>
      spandspMessagesIn(standard, linear(sound)).map((message) => Buffer.from(message).toString('hex'));
    expect(hex(adsi.class, callerIdSound('bell-202', block))).toEqual([body.replace('8019', '801a')]);
    expect(hex(adsi.clip, callerIdSound('v23', block))).toEqual([body.replace('8019', '801a')]);
    expect(hex(adsi.class, callerIdSound('bell-202', { number: 'P', name: 'O' }))).toEqual(['8006040150' + '08014f']);
    expect(spandspDigitsIn(linear(callerIdSound('dtmf', block)))).toBe('A5551234C');
    expect(spandspDigitsIn(linear(callerIdSound('dtmf', { number: 'P' })))).toBe('B10C');
  });

  it.skipIf(skipped('caller ID of the exchange and minimodem', minimodemMissing))('is what minimodem shows', () => {
    const shown = minimodemIn(linear(callerIdSound('bell-202', block)), 'callerid');
    expect(shown).toContain('5551234');
    expect(shown).toContain('ALICE');
  });
});
