import { describe, expect, it } from 'vitest';
import { encodeMulaw } from '#media/g711.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import type { VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import { type SimulatedLine, simulatedLine } from '../../pstn/simulated-line.ts';

/**
 * The profiles come from firmware-config/modems, the modems from the emulator's personalities: two readings of the same facts, made
 * independently. `changesOver` is what a modem with one direction at a time costs.
 */
const modems: readonly {
  readonly modem: VoiceModemName;
  readonly profile: string;
  readonly method: string;
  readonly duplex: 'full' | 'half';
}[] = [
  { modem: 'v253', profile: 'generic-v253', method: 'AT+VSM=131,8000', duplex: 'full' },
  { modem: 'conexant-cx930xx', profile: 'conexant-cx930xx', method: 'AT+VSM=131,8000', duplex: 'full' },
  { modem: 'usr-5637', profile: 'usr-5637', method: 'AT+VSM=131,8000', duplex: 'full' },
  { modem: 'rockwell', profile: 'rockwell', method: 'AT+VSM=4,8000', duplex: 'full' },
  { modem: 'half-duplex', profile: 'generic-v253', method: 'AT+VSM=131,8000', duplex: 'half' },
];

const never = () => new AbortController().signal;

async function ready(modem: VoiceModemName): Promise<SimulatedLine> {
  const simulated = simulatedLine({ modem });
  await simulated.clock.run(simulated.line.start());
  expect(simulated.line.status.state).toBe('idle');
  return simulated;
}

/** 32,000 samples, 4 s: a tone in part of them. */
function turns(frequency: number, from: number, to: number) {
  const tone = new ToneGenerator([frequency], 6000);
  return (at: number, count: number) =>
    encodeMulaw(
      tone.nextLinear(count).map((sample, i) => ((at + i) % 32_000 >= from && (at + i) % 32_000 < to ? sample : 0)),
    );
}

/** Speaks with a tone of 800 Hz where the far end pauses, and keeps what it hears. */
function phone() {
  const speak = turns(800, 16_000, 24_000);
  let at = 0;
  const heard: Uint8Array[] = [];
  const exchange = (samples: Uint8Array) => {
    heard.push(samples.slice());
    at += samples.length;
    return speak(at - samples.length, samples.length);
  };
  return { exchange, heard: () => new Uint8Array(Buffer.concat(heard)) };
}

/** Seconds of a tone in a sound. */
function secondsOf(sound: Uint8Array, frequency: number): number {
  let hits = 0;
  for (let at = 0; at + 800 <= sound.length; at += 800) {
    const { frequency: found = 0, amplitude = 0 } = dominantFrequencyOfMulaw(sound.subarray(at, at + 800)) ?? {};
    if (Math.abs(found - frequency) < 12 && amplitude > 500) hits++;
  }
  return hits / 10;
}

for (const { modem, profile, method, duplex } of modems) {
  describe(`the emulated ${modem}`, () => {
    it(`is known as ${profile}, takes ${method}, and carries a call out both ways`, async () => {
      const { clock, line, emulated, written, find } = await ready(modem);
      expect(line.traits?.profile).toBe(profile);
      expect(written()).toContain(`${method}\r`);
      emulated.exchange.plan('5551234', {
        behaviour: 'answers',
        answerAfterMs: 3000,
        sendSound: turns(523, 0, 12_000)(0, 160_000),
      });
      emulated.exchange.record();
      const call = await clock.run(line.dial('5551234', never()), 60_000);
      const { exchange, heard } = phone();
      call.connect(exchange);
      await clock.advance(12_000);
      expect(line.traits).toEqual({ profile, duplex });
      await clock.run(call.hangUp(), 10_000);
      expect(find('dialled')?.number).toBe('5551234');
      // Seconds of each tone, of 4.5 and 3: by turns the begin of a word may be lost where the modem changes over.
      expect(secondsOf(heard(), 523)).toBeGreaterThan(3.5);
      expect(secondsOf(emulated.exchange.recorded, 800)).toBeGreaterThan(2.4);
      expect(find('on-hook')).toBeDefined();
      expect(line.status.state).toBe('idle');
    });

    it('takes a call in with its caller ID, hears keys once each, and notices the far end hang up', async () => {
      const { clock, line, emulated, rings, find } = await ready(modem);
      emulated.exchange.ring({
        callerId: { number: '5557777', name: 'SMITH' },
        party: {
          behaviour: 'answers',
          answerAfterMs: 0,
          sendDigits: { digits: '1140', afterMs: 2500 },
          hangUpAfterMs: 6000,
          hangUpHow: 'busy-tone',
        },
      });
      await clock.runUntil(() => rings.length === 1, 20_000);
      expect(rings[0]?.callerId).toMatchObject({ number: '5557777', name: 'SMITH' });
      const call = await clock.run(rings[0]?.ring.answer() as Promise<never>, 10_000);
      const typed = call as Awaited<ReturnType<typeof line.dial>>;
      let digits = '';
      typed.onDigit((digit) => {
        digits += digit;
      });
      typed.connect((samples) => new Uint8Array(samples.length).fill(0xff));
      expect(await clock.run(typed.ended, 20_000)).toBe('busy-tone');
      expect(digits).toBe('1140');
      expect(line.status.state).toBe('idle');
      expect(find('on-hook')).toBeDefined();
    });
  });
}
