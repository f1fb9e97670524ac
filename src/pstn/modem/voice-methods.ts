import type { Coding, VoiceProfile } from '#pstn/modem/profiles/schema.ts';

/** One row of the answer to `AT+VSM=?`: a way of coding sound. */
export interface VoiceMethod {
  readonly number: number;
  readonly name: string;
  /** undefined when the row does not say. */
  readonly bits: number | undefined;
  readonly rates: readonly number[];
}

/** The row that is used, and how its bytes are to be read. */
export interface ChosenMethod {
  readonly number: number;
  readonly coding: Coding;
}

/** Names in use for each coding. A profile may say others. */
const USUAL_NAMES: Readonly<Record<Coding, readonly string[]>> = {
  mulaw: ['ULAW', 'MULAW', 'µLAW', 'PCMU', '8BITULAW', 'G711ULAW', 'G711MULAW', 'G711U'],
  alaw: ['ALAW', 'PCMA', '8BITALAW', 'G711ALAW', 'G711A'],
  'unsigned-8': ['UNSIGNEDPCM', 'UNSIGNEDLINEAR'],
  'signed-8': ['SIGNEDPCM', 'SIGNEDLINEAR'],
  'linear-16': ['16BITLINEAR', '16BITPCM'],
};
const BITS: Readonly<Record<Coding, number>> = { mulaw: 8, alaw: 8, 'unsigned-8': 8, 'signed-8': 8, 'linear-16': 16 };
/** Samples a second of everything on a telephone line. */
const RATE = 8000;

/** A row such as `131,"ULAW",8,0,(7200,8000),(0),(0)` or, as USRobotics has it, `131,"8-BIT ULAW",(8000)`; undefined for anything else. */
export function parseVoiceMethod(line: string): VoiceMethod | undefined {
  const match = /^(?:\+VSM: ?)?(\d{1,3}),"([^"]{0,40})"(?:,(\d{1,2}))?,[^(]{0,10}\(([\d,\- ]{1,60})\)/.exec(line);
  if (!match) return undefined;
  const [, number = '', name = '', bits, rates = ''] = match;
  return { number: Number(number), name, bits: bits === undefined ? undefined : Number(bits), rates: ratesOf(rates) };
}

/**
 * The row that the profile likes best among those that run at 8000 samples a second and that the link carries, `linkBytesPerSecond` each way.
 * Chosen by name and never by number: 131 is mu-law on one chip and 14-bit PCM or nothing on the next, and numbers from
 * 128 on are the vendor's (ITU-T V.253 table 17).
 */
export function chooseMethod(
  methods: readonly VoiceMethod[],
  { voice }: Pick<VoiceProfile, 'voice'>,
  linkBytesPerSecond: number,
): ChosenMethod | undefined {
  const most = Math.min(voice.most_bytes_per_second, linkBytesPerSecond);
  for (const { coding, named } of voice.methods) {
    const names = (named ?? USUAL_NAMES[coding]).map(plain);
    if ((RATE * BITS[coding]) / 8 > most) continue;
    const row = methods.find(
      (method) =>
        (method.bits ?? BITS[coding]) === BITS[coding] &&
        method.rates.includes(RATE) &&
        names.some((name) => plain(method.name).startsWith(name)),
    );
    if (row !== undefined) return { number: row.number, coding };
  }
  return undefined;
}

/** Either mu becomes the same capital. */
function plain(name: string): string {
  return name.toUpperCase().replace(/[^A-Z0-9\u039c]/g, '');
}

/** `7200,8000` or `7200-11025`: a range is taken to hold the usual 8000 when it spans it. */
function ratesOf(text: string): number[] {
  const rates: number[] = [];
  for (const part of text.split(',')) {
    const [low = '', high] = part.trim().split('-');
    rates.push(Number(low));
    if (high === undefined) continue;
    if (Number(low) < RATE && Number(high) > RATE) rates.push(RATE);
    rates.push(Number(high));
  }
  return rates;
}
