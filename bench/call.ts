import { encodeMulaw } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { openRtpSession } from '#media/rtp-session.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { virtualCall } from '../test/line/sound-quality/virtual-call.ts';
import { speechLike } from '../test/support/line-speech.ts';
import { round } from './measure.ts';

/** Processor time, ms for each second of sound both ways. */
export interface CallResult {
  /** A filter of 256 taps over one second of sound: what the others are measured by. */
  readonly filter: number;
  /** Driver, supervision, voice path and jitter buffer, with everything on; the emulated modem and exchange are in it. */
  readonly call: number;
  readonly withoutEchoCanceller: number;
  /** The RTP of one leg: 50 packets each way over loopback. */
  readonly rtp: number;
  readonly callToFilter: number;
  /** Call and RTP together, in percent of one core. */
  readonly percentOfCore: number;
}

const WARM_UP_SECONDS = 10;
const SECONDS = 40;
const TAPS = 256;

export async function benchCall(): Promise<CallResult> {
  // In turns, because the speed of a shared machine changes.
  const filters: number[] = [];
  const calls: number[] = [];
  const plain: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    filters.push(filterTime());
    calls.push(await callTime(true));
    plain.push(await callTime(false));
  }
  const [filter, call, withoutEchoCanceller] = [filters, calls, plain].map(median) as [number, number, number];
  const rtp = await rtpTime();
  return {
    filter: round(filter, 2),
    call: round(call, 2),
    withoutEchoCanceller: round(withoutEchoCanceller, 2),
    rtp: round(rtp, 2),
    callToFilter: round(call / filter, 2),
    percentOfCore: round((call + rtp) / 10, 2),
  };
}

async function callTime(cancelEcho: boolean): Promise<number> {
  const speech = (seed: number) => encodeMulaw(Int16Array.from(speechLike(20, -19, seed)));
  const made = await virtualCall({
    party: { sendSound: speech(1), hybrid: { shape: 'dispersive', erlDb: 8 }, noiseDbm0: -62 },
    voice: { cancelEcho, automaticGain: true },
    phone: new RecordingSource(speech(2), true),
    transit: (n) => 5 + ((n * 7) % 12),
    keep: false,
  });
  await made.clock.advance(WARM_UP_SECONDS * 1000);
  const start = process.cpuUsage();
  await made.clock.advance(SECONDS * 1000);
  return usedSince(start) / SECONDS;
}

function filterTime(): number {
  const sound = speechLike(1, -19);
  const taps = Float64Array.from({ length: TAPS }, (_, i) => 1 / (1 + i));
  let kept = 0;
  const once = () => {
    for (let n = TAPS; n < sound.length; n++) {
      let sum = 0;
      for (let tap = 0; tap < TAPS; tap++) sum += (taps[tap] ?? 0) * (sound[n - tap] ?? 0);
      kept += sum;
    }
  };
  for (let i = 0; i < 20; i++) once();
  const start = process.cpuUsage();
  for (let i = 0; i < SECONDS; i++) once();
  if (!Number.isFinite(kept)) throw new Error('the filter overflowed');
  return usedSince(start) / SECONDS;
}

async function rtpTime(): Promise<number> {
  const open = () =>
    openRtpSession({ clock: systemClock, random: systemRandom, logger: silentLogger }, { address: '127.0.0.1' });
  const [near, far] = [await open(), await open()];
  try {
    far.applyRemote(near.localDescription);
    near.applyRemote(far.localDescription);
    const packet = new Uint8Array(160).fill(0x55);
    const exchange = async (count: number) => {
      for (let n = 0; n < count; n++) {
        for (const session of [near, far]) {
          session.play(packet);
          session.take(packet.length);
        }
        await new Promise(setImmediate);
      }
    };
    await exchange(500);
    const start = process.cpuUsage();
    await exchange(50 * SECONDS);
    // Both legs were measured.
    return usedSince(start) / SECONDS / 2;
  } finally {
    near.close();
    far.close();
  }
}

function usedSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
