import { silence } from '#media/g711.ts';
import { peakOfDbm0 } from '#media/level.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { AtClient } from '#pstn/doctor/at-client.ts';
import type { StreamTrial } from '#pstn/doctor/report.ts';
import { ETX_CODE, shield, shieldedCode } from '#pstn/modem/dle.ts';
import type { SoundCodec } from '#pstn/modem/sound-codec.ts';

export interface TrialOptions {
  readonly codec: SoundCodec;
  /** Codes that may end +VTR, in the order to try. */
  readonly exits: readonly ('^' | 'etx')[];
}

/** The whole of a trial, and the part of it in which a tone is played to the line, s. */
const HEAR_S = 2.5;
const TONE_S = 1.5;
const PLAY_S = 0.5;
const SAMPLES_S = 8000;
/** 60 ms, as in calls. */
const CUSHION = 480;
/** A reference tone for telephone circuits (ITU-T O.6: 1020 Hz), about as loud as speech. */
export const TEST_HZ = 1020;
export const TEST_DBM0 = -16;
const EXIT_MS = 1500;
const GIVE_UP_MS = 4000;

/** A trial with what was heard: first with silence played, then with the test tone. Sound in mu-law. */
export interface Trial {
  readonly report: StreamTrial;
  readonly quiet: Uint8Array;
  readonly withTone: Uint8Array;
}

/** Hears the line for some seconds: by +VTR with one byte played for each byte heard, or by +VRX. */
export async function hearingTrial(
  deps: { readonly client: AtClient; readonly clock: Clock },
  command: 'AT+VTR' | 'AT+VRX',
  { codec, exits }: TrialOptions,
): Promise<Trial> {
  const { client, clock } = deps;
  const both = command === 'AT+VTR';
  const counting = new Counting(clock);
  const tone = new ToneGenerator([TEST_HZ], peakOfDbm0(TEST_DBM0));
  const wanted = (both ? HEAR_S + TONE_S : HEAR_S) * SAMPLES_S;
  const heard: Uint8Array[] = [];
  let samples = 0;
  let played = 0;
  let full = () => {};
  const filled = new Promise<void>((resolve) => {
    full = resolve;
  });
  const play = (mulaw: Uint8Array) => {
    const bytes = codec.encode(mulaw);
    played += bytes.length;
    client.write(shield(bytes));
  };
  codec.reset();
  const { result } = await client.enter(command, 'sound', {
    sound(bytes) {
      counting.read(bytes.length);
      const mulaw = codec.decode(bytes);
      if (samples < wanted) heard.push(mulaw);
      if (both) play(samples < HEAR_S * SAMPLES_S ? silence(mulaw.length) : tone.next(mulaw.length));
      samples += mulaw.length;
      if (samples >= wanted) full();
    },
    code: (code) => counting.code(code),
  });
  if (result !== 'CONNECT') return { report: counting.report(command, result, 0, undefined), ...noSound };
  if (both) play(silence(CUSHION));
  await Promise.race([filled, after(clock, (wanted / SAMPLES_S) * 1000 + GIVE_UP_MS)]);
  const bytesPlayed = played;
  const snapshot = counting.report(command, result, bytesPlayed, undefined);
  const exit = await leave(client, both ? exits.map(exitCode) : ['!', ETX_CODE]);
  const all = concat(...heard);
  const turn = HEAR_S * SAMPLES_S;
  return { report: { ...snapshot, exit }, quiet: all.subarray(0, turn), withTone: all.subarray(turn, wanted) };
}

/** Plays half a second of the test tone by +VTX. */
export async function playingTrial(
  deps: { readonly client: AtClient; readonly clock: Clock },
  { codec }: TrialOptions,
): Promise<StreamTrial> {
  const counting = new Counting(deps.clock);
  const { result } = await deps.client.enter('AT+VTX', 'codes', { sound() {}, code: (code) => counting.code(code) });
  if (result !== 'CONNECT') return counting.report('AT+VTX', result, 0, undefined);
  const bytes = codec.encode(new ToneGenerator([TEST_HZ], peakOfDbm0(TEST_DBM0)).next(PLAY_S * SAMPLES_S));
  deps.client.write(shield(bytes));
  const exit = await leave(deps.client, [ETX_CODE]);
  return counting.report('AT+VTX', result, bytes.length, exit);
}

const noSound = { quiet: new Uint8Array(0), withTone: new Uint8Array(0) };

async function leave(client: AtClient, codes: readonly string[]): Promise<StreamTrial['exit']> {
  for (const code of codes) {
    const ms = await client.leave(shieldedCode(code), EXIT_MS);
    if (ms !== undefined) return { code: code === ETX_CODE ? '<DLE><ETX>' : `<DLE>${code}`, ms };
  }
  await client.resynchronise(3);
  return undefined;
}

function exitCode(exit: '^' | 'etx'): string {
  return exit === '^' ? '^' : ETX_CODE;
}

function after(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/** Counts what comes in a stream, and when. */
class Counting {
  readonly #clock: Clock;
  readonly #gaps: number[] = [];
  #first: number | undefined;
  #last = 0;
  /** What came with the first read, and so was heard before it. */
  #before = 0;
  #bytes = 0;
  #underruns = 0;
  #overruns = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  read(bytes: number): void {
    const now = this.#clock.now();
    this.#bytes += bytes;
    if (this.#first === undefined) {
      this.#first = now;
      this.#before = bytes;
    } else this.#gaps.push(now - this.#last);
    this.#last = now;
  }

  code(code: string): void {
    if (code === 'u') this.#underruns++;
    else if (code === 'o') this.#overruns++;
  }

  report(command: StreamTrial['command'], answer: string, bytesPlayed: number, exit: StreamTrial['exit']): StreamTrial {
    const ms = this.#last - (this.#first ?? this.#last);
    const sorted = this.#gaps.toSorted((a, b) => a - b);
    const at = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
    return {
      command,
      answer,
      seconds: Math.round(ms / 100) / 10,
      bytesHeard: this.#bytes,
      bytesPlayed,
      rate: ms === 0 ? 0 : Math.round(((this.#bytes - this.#before) * 1000) / ms),
      underruns: this.#underruns,
      overruns: this.#overruns,
      gaps: { median: at(0.5), p99: at(0.99), longest: Math.round(sorted.at(-1) ?? 0) },
      exit,
    };
  }
}
