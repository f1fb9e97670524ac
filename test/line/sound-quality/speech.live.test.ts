import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeMulaw } from '#media/g711.ts';
import { writeWav } from '#media/wav.ts';
import { espeakMissing, powerOf, speech } from '../../support/line-speech.ts';
import { skipped } from '../3-signal-processing/skipped.ts';
import { type GatewayRig, startGateway } from './gateway-rig.ts';
import { type LiveCall, liveCall } from './live-call.ts';
import { delayBetween } from './measure.ts';
import type { Timed } from './virtual-call.ts';

/** The phone speaks alone, then both, then the line alone; in seconds. */
const LINE_FROM = 9;
const PHONE_UNTIL = 15;
const SECONDS = 21;
const ERL_DB = 8;
const DBM0 = -19;
const ADDED_MS = 60;
/** The emulator says to one tick when the line was answered. */
const TICK_MS = 20;

const between = (sound: Float64Array, from: number, to: number) =>
  sound.map((sample, n) => (n >= from * 8000 && n < to * 8000 ? sample : 0));
const linear = ({ sound }: Timed) => Float64Array.from(decodeMulaw(sound));
const levelBetween = (sound: Timed, of: Timed, from: number, to: number) => {
  const shift = Math.round((of.start - sound.start) * 8);
  return 10 * Math.log10(powerOf(linear(sound), from * 8000 + shift, to * 8000 + shift) + 1);
};

describe.skipIf(skipped('sound quality', espeakMissing))('speech between an emulated line and a phone', () => {
  let rig: GatewayRig;
  let lineSays: Float64Array;
  let phoneSays: Float64Array;

  beforeAll(async () => {
    if (espeakMissing !== undefined) throw new Error(espeakMissing);
    lineSays = between(speech('him', SECONDS, DBM0), LINE_FROM, SECONDS);
    phoneSays = between(speech('her', SECONDS, DBM0), 0, PHONE_UNTIL);
    rig = await startGateway();
  }, 60_000);

  afterAll(() => rig?.stop());

  /** RMS amplitude of a part, by sox. */
  function soxLevel(sound: Timed, of: Timed, from: number, to: number): number {
    const file = join(rig.directory, 'part.wav');
    const shift = Math.round((of.start - sound.start) * 8);
    writeFileSync(file, writeWav(decodeMulaw(sound.sound.slice(from * 8000 + shift, to * 8000 + shift))));
    const { stderr } = spawnSync('sox', [file, '-n', 'stat'], { encoding: 'utf8' });
    return 20 * Math.log10(Number(/RMS\s+amplitude:\s+([\d.]+)/.exec(stderr)?.[1]));
  }

  function report(title: string, call: LiveCall) {
    const { log, modem } = call;
    const fromLine = delayBetween(call.line, call.toPhone, 16_000);
    const fromPhone = delayBetween(call.fromPhone, call.toLine, 4000);
    const levels = {
      fromLine: soxLevel(call.toPhone, call.line, 16, 20) - soxLevel(call.line, call.line, 16, 20),
      fromPhone: soxLevel(call.toLine, call.fromPhone, 2, 8) - soxLevel(call.fromPhone, call.fromPhone, 2, 8),
    };
    const returned =
      levelBetween(call.fromPhone, call.fromPhone, 4, 8) - levelBetween(call.toPhone, call.fromPhone, 4, 8);
    console.log(
      [
        `${title}:`,
        `one way, line to phone ${fromLine.ms.toFixed(0)} ms, phone to line ${fromPhone.ms.toFixed(0)} ms`,
        `with a jitter buffer that aims at ${log.targetMs.toFixed(0)} ms; likeness ${fromLine.likeness.toFixed(2)} and ${fromPhone.likeness.toFixed(2)};`,
        `level changed by ${levels.fromLine.toFixed(1)} and ${levels.fromPhone.toFixed(1)} dB;`,
        `echo return loss ${returned.toFixed(0)} dB with a hybrid of ${ERL_DB} dB (linear part ${log.echoLossDb} dB, found at ${log.echoDelayMs} ms);`,
        `${log.packetsLost} packets lost, ${log.packetsLate} late, ${log.concealedMs} ms concealed;`,
        `the modem ran dry ${modem.underruns} times`,
      ].join(' '),
    );
    if (modem.underruns > 0) console.warn(`${title}: this host hesitated, so that delay and echo were not judged`);
    return { fromLine, fromPhone, levels, returned, hesitated: modem.underruns > 0 };
  }

  it('arrives in time, at its level, and without its echo', async () => {
    const network = { loss: 0, jitterMs: 0 };
    const wires = { hybrid: { shape: 'dispersive', erlDb: ERL_DB }, noiseDbm0: -62 } as const;
    const call = await liveCall(rig, { seconds: SECONDS, lineSays, phoneSays, network, wires });
    const { fromLine, fromPhone, levels, returned, hesitated } = report('a good network', call);
    expect(fromLine.likeness).toBeGreaterThan(hesitated ? 0.4 : 0.8);
    expect(fromPhone.likeness).toBeGreaterThan(hesitated ? 0.4 : 0.8);
    expect(Math.abs(levels.fromLine)).toBeLessThan(3);
    expect(Math.abs(levels.fromPhone)).toBeLessThan(1.5);
    if (!hesitated) {
      expect(fromLine.ms).toBeLessThanOrEqual(ADDED_MS + TICK_MS);
      expect(fromPhone.ms).toBeLessThanOrEqual(ADDED_MS + call.log.targetMs + TICK_MS);
      // Of the seconds in which the phone speaks alone. What the log says of the linear part is a mean that both talking at the end lowers.
      expect(returned).toBeGreaterThan(ERL_DB + 22);
    }
  });

  it('stays whole with 5 % of the packets lost and 60 ms of jitter', async () => {
    const network = { loss: 0.05, jitterMs: 60 };
    const wires = { hybrid: { shape: 'short', erlDb: ERL_DB }, noiseDbm0: -62 } as const;
    const call = await liveCall(rig, { seconds: SECONDS, lineSays, phoneSays, network, wires });
    const { fromPhone, levels, hesitated } = report('5 % lost, 60 ms of jitter', call);
    const { log } = call;
    expect(log.packetsLost / (log.packetsLost + log.packetsReceived)).toBeGreaterThan(0.02);
    expect(log.concealedMs).toBeGreaterThan(300);
    expect(log.targetMs).toBeGreaterThan(60);
    expect(fromPhone.likeness).toBeGreaterThan(hesitated ? 0.3 : 0.6);
    if (!hesitated) expect(fromPhone.ms).toBeLessThanOrEqual(ADDED_MS + log.targetMs + TICK_MS);
    expect(Math.abs(levels.fromPhone)).toBeLessThan(2);
  });
});
