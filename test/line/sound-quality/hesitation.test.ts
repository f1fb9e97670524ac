import { describe, expect, it } from 'vitest';
import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { RecordingSource } from '#media/paced.ts';
import { noise, powerOf, speechLike } from '../../support/line-speech.ts';
import { delayBetween } from './measure.ts';
import { type Timed, type VirtualCall, virtualCall } from './virtual-call.ts';

const DBM0 = -18;
const ADDED_MS = 60;
const TRANSIT_MS = 5;
const PACKET_MS = 20;
const STALL_MS = 150;
/** What a hesitation adds: the cushion covers the rest. */
const GROWTH_MS = STALL_MS - 60;

type Sound = 'speech' | 'noise';

interface Told {
  readonly says: Sound;
  readonly seconds: number;
  readonly everyMs: number;
  /** false: an exchange that leaves nothing out, as all did before. */
  readonly givesBack?: boolean;
  readonly latencyMs?: number;
  readonly unknown?: string;
  readonly echo?: boolean;
}

/** A call whose modem and host are apart for 150 ms now and then. */
async function callOf({ says, seconds, everyMs, givesBack = true, echo = false, ...how }: Told) {
  const made = await virtualCall({
    ...how,
    party: echo ? { hybrid: { shape: 'dispersive', erlDb: 8 }, noiseDbm0: -66 } : {},
    modem: { stallMs: STALL_MS, stallEveryMs: everyMs },
    voice: { cancelEcho: true, automaticGain: true },
    phone: new RecordingSource(
      encodeMulaw(Int16Array.from((says === 'speech' ? speechLike : noise)(60, DBM0, 2))),
      true,
    ),
    transit: () => TRANSIT_MS,
    keep: true,
  });
  if (!givesBack) made.call.connect((heard) => made.voice.exchange(heard));
  const stalls = await stallsOf(made, seconds);
  const { toLine, phone, toPhone } = made.recorded();
  return {
    ...made,
    stalls,
    phone,
    toPhone,
    /** From so many seconds of the call on, for about two seconds. */
    addedAt: (at: number) => delayBetween(phone, toLine, at * 1000).ms - TRANSIT_MS - PACKET_MS,
    allowed: ADDED_MS + made.session.statistics.targetMs,
  };
}

/** Lets a call go on; gives the seconds, to a tenth, in which the modem ran dry. */
async function stallsOf({ clock, underrunsOfModem }: VirtualCall, seconds: number): Promise<number[]> {
  const stalls: number[] = [];
  for (let tenth = 1; tenth <= 10 * seconds; tenth++) {
    await clock.advance(100);
    while (stalls.length < underrunsOfModem()) stalls.push(tenth / 10);
  }
  return stalls;
}

/** By how many dB the phone hears itself fainter than it spoke, in each second of the call. */
function echoLosses(phone: Timed, toPhone: Timed, seconds: number): number[] {
  const [spoken, heard] = [phone, toPhone].map(({ sound }) => Float64Array.from(decodeMulaw(sound)));
  const behind = Math.round((toPhone.start - phone.start) * 8);
  return Array.from({ length: seconds - 1 }, (_, n) => {
    const [from, to] = [(n + 1) * 8000, (n + 2) * 8000];
    return 10 * Math.log10(powerOf(spoken!, from, to) / powerOf(heard!, from - behind, to - behind));
  });
}

const MANY = { says: 'speech', seconds: 64, everyMs: 13_000 } as const;

describe('the delay after the host hesitated for 150 ms, on the virtual clock', () => {
  it('stays where the hesitation left it when nobody leaves anything out', async () => {
    const call = await callOf({ ...MANY, givesBack: false });
    expect(call.stalls.length).toBe(1);
    expect(call.addedAt(50)).toBeGreaterThan(ADDED_MS + GROWTH_MS - 10);
    expect(call.call.statistics).toMatchObject({ underruns: 1, givenBackMs: 0 });
  });

  it('is back within 10 s of speech with pauses, each time, and giving it back makes no underrun', async () => {
    const call = await callOf(MANY);
    const grown = call.stalls.map((at) => call.addedAt(at - 2));
    const back = call.stalls.map((at) => call.addedAt(at + 8));
    console.log(
      `${call.stalls.length} hesitations in speech: ${grown.join(', ')} ms before, ${back.join(', ')} ms 8 s later`,
    );
    expect(call.stalls.length).toBeGreaterThanOrEqual(4);
    for (const ms of [...grown, ...back]) {
      expect(ms).toBeLessThanOrEqual(call.allowed);
      expect(ms).toBeGreaterThan(ADDED_MS - PACKET_MS);
    }
    const hesitations = call.stalls.length;
    const expected = { underruns: hesitations, overruns: 0, givenBackMs: hesitations * GROWTH_MS };
    expect(call.call.statistics).toMatchObject(expected);
  });

  it('is back within 30 s of sound without a pause', async () => {
    const call = await callOf({ says: 'noise', seconds: 46, everyMs: 15_000, latencyMs: 4 });
    const [first = 0] = call.stalls;
    console.log(
      `150 ms in noise at second ${call.stalls.join(', ')}: ${[2, 4, 6, 8, 10].map((s) => call.addedAt(first + s)).join(', ')} ms 2, 4, ... 10 s later`,
    );
    expect(call.addedAt(first + 1)).toBeGreaterThan(call.allowed);
    expect(call.addedAt(first + 10)).toBeLessThanOrEqual(call.allowed);
    expect(call.call.statistics).toMatchObject({ underruns: call.stalls.length, overruns: 0 });
  });

  it('is back with a modem that reports nothing', async () => {
    const call = await callOf({ ...MANY, unknown: 'u' });
    expect(call.stalls.length).toBeGreaterThanOrEqual(4);
    expect(call.call.statistics).toMatchObject({ underruns: 0, givenBackMs: call.stalls.length * GROWTH_MS });
    for (const at of call.stalls) expect(call.addedAt(at + 8)).toBeLessThanOrEqual(call.allowed);
  });

  it('does not add up on a slow way to the modem, whose silence is longer by it', async () => {
    const call = await callOf({ ...MANY, latencyMs: 14 });
    const back = call.stalls.map((at) => call.addedAt(at + 8));
    console.log(`${call.stalls.length} hesitations, 14 ms each way: ${back.join(', ')} ms 8 s later`);
    expect(call.stalls.length).toBeGreaterThanOrEqual(4);
    for (const ms of back) expect(ms).toBeLessThanOrEqual(call.allowed + 20);
    expect(Math.max(...back) - Math.min(...back)).toBeLessThan(10);
    expect(call.call.statistics).toMatchObject({ underruns: call.stalls.length, overruns: 0 });
  });
});

describe('keys sent while the line is late', () => {
  it('are not shortened: nothing may be left out until they are through', async () => {
    const { clock, call, underrunsOfModem } = await virtualCall({
      party: {},
      modem: { stallMs: STALL_MS, stallEveryMs: 13_000 },
      voice: { cancelEcho: false, automaticGain: false },
      phone: { next: silence },
      transit: () => TRANSIT_MS,
      keep: false,
    });
    let allowed: number[] = [];
    call.connect((heard, spare) => {
      allowed.push(spare);
      return silence(heard.length);
    });
    while (underrunsOfModem() === 0) await clock.advance(100);
    await clock.advance(100);
    expect(allowed.at(-1)).toBe(8 * GROWTH_MS);
    allowed = [];
    await clock.run(call.sendDigits('5'));
    expect(allowed.length).toBeGreaterThan(5);
    // The key was asked for between two pieces, and was through within the last.
    expect(Math.max(...allowed)).toBe(0);
    await clock.advance(100);
    expect(allowed.at(-1)).toBe(8 * GROWTH_MS);
  });
});

describe('the echo after the host hesitated', () => {
  it.each([
    ['speech', 4],
    ['noise', 4],
    ['speech', 14],
  ] as const)(
    'is gone again at once, and stays so while the delay is given back in %s, %i ms from the modem',
    async (says, latencyMs) => {
      const seconds = 30;
      const call = await callOf({ says, seconds, everyMs: 12_000, latencyMs, echo: true });
      const losses = echoLosses(call.phone, call.toPhone, seconds);
      console.log(
        `echo loss in ${says}: ${losses.map((db) => db.toFixed(0)).join(' ')} dB; hesitations at ${call.stalls.join(', ')}`,
      );
      expect(call.stalls.length).toBeGreaterThanOrEqual(2);
      expect(call.call.statistics.givenBackMs).toBeGreaterThan(1.5 * GROWTH_MS);
      // Found in the first two seconds; from then on a hesitation costs two seconds at most. 24 dB: the line's 8 and 16 of the canceller.
      const faint = losses.flatMap((db, n) => (n >= 2 && db < 24 ? [n + 1] : []));
      for (const second of faint)
        expect(call.stalls.some((at) => second >= Math.floor(at) && second <= at + 2)).toBe(true);
      expect(losses.filter((db, n) => n >= 2 && db >= 28).length).toBeGreaterThanOrEqual(
        losses.length - 2 - 2 * call.stalls.length,
      );
      expect(call.voice.statistics.echoLossDb).toBeGreaterThan(20);
    },
  );
});
