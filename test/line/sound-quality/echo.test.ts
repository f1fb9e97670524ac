import { describe, expect, it } from 'vitest';
import { decodeMulaw, encodeMulaw } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { powerOf, speechLike } from '../../support/line-speech.ts';
import { virtualCall } from './virtual-call.ts';

const ERL_DB = 8;

/** By how many dB the phone hears itself fainter than it spoke, from second 4 to second 11 of a call. */
async function echoReturnLoss(cancelEcho: boolean) {
  const made = await virtualCall({
    party: { hybrid: { shape: 'dispersive', erlDb: ERL_DB }, noiseDbm0: -66 },
    voice: { cancelEcho, automaticGain: true },
    phone: new RecordingSource(encodeMulaw(Int16Array.from(speechLike(12, -16))), false),
    transit: () => 5,
    keep: true,
  });
  await made.clock.advance(12_000);
  const { phone, toPhone } = made.recorded();
  const power = (sound: Uint8Array) => powerOf(Float64Array.from(decodeMulaw(sound)), 32_000, 88_000);
  return { db: 10 * Math.log10(power(phone.sound) / power(toPhone.sound)), voice: made.voice.statistics };
}

describe('the echo of a hybrid in a whole call, on the virtual clock', () => {
  it('is found behind cushion and modem, and all but gone at the phone', async () => {
    const without = await echoReturnLoss(false);
    const cancelled = await echoReturnLoss(true);
    const { echoDelayMs, echoLossDb } = cancelled.voice;
    console.log(
      `echo return loss over a whole call: ${without.db.toFixed(1)} dB without, ${cancelled.db.toFixed(1)} dB with the canceller; ` +
        `delay ${echoDelayMs} ms, linear part ${echoLossDb} dB`,
    );
    expect(without.db).toBeLessThan(ERL_DB + 6);
    expect(cancelled.db).toBeGreaterThan(ERL_DB + 28);
    // 60 ms of cushion, a tick of the modem, and the way there and back.
    expect(echoDelayMs).toBeGreaterThan(60);
    expect(echoDelayMs).toBeLessThan(120);
    expect(echoLossDb).toBeGreaterThan(24);
  });
});
