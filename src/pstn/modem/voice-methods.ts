/** One row of the answer to `AT+VSM=?`: a way of coding sound. */
export interface VoiceMethod {
  readonly number: number;
  readonly name: string;
  readonly bits: number;
  readonly rates: readonly number[];
}

/** A row such as `131,"ULAW",8,0,(7200,8000),(0),(0)`; undefined for anything else. */
export function parseVoiceMethod(line: string): VoiceMethod | undefined {
  const match = /^(?:\+VSM: ?)?(\d{1,3}),"([^"]{0,40})",(\d{1,2}),[^(]{0,10}\(([\d,\- ]{1,60})\)/.exec(line);
  if (!match) return undefined;
  const [, number = '', name = '', bits = '', rates = ''] = match;
  return { number: Number(number), name, bits: Number(bits), rates: ratesOf(rates) };
}

/**
 * The mu-law row that runs at 8000 samples a second. Chosen by name and never by number: 131 is mu-law on one chip
 * and 14-bit PCM or nothing on the next, and numbers from 128 on are the vendor's (ITU-T V.253 table 17).
 */
export function mulawMethod(methods: readonly VoiceMethod[]): VoiceMethod | undefined {
  return methods.find((method) => isMulaw(method.name) && method.rates.includes(8000));
}

function isMulaw(name: string): boolean {
  const plain = name.toLowerCase().replace(/[^a-zµμ0-9]/g, '');
  return /^(g711)?(ulaw|mulaw|µlaw|μlaw|pcmu)/.test(plain) || plain === 'g711u';
}

/** `7200,8000` or `7200-11025`: a range is taken to hold the usual 8000 when it spans it. */
function ratesOf(text: string): number[] {
  const rates: number[] = [];
  for (const part of text.split(',')) {
    const [low = '', high] = part.trim().split('-');
    rates.push(Number(low));
    if (high === undefined) continue;
    if (Number(low) < 8000 && Number(high) > 8000) rates.push(8000);
    rates.push(Number(high));
  }
  return rates;
}
