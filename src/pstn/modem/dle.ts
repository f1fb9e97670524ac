/** Data link escape: starts every code in a stream of sound (ITU-T V.253 §9). */
export const DLE = 0x10;
/** Ends a stream of sound, in both directions. */
const ETX = 0x03;
/** The code that ends a stream, as `StreamItem` shows it. */
export const ETX_CODE = '\x03';
/** Stands for two sound bytes of 0x10. */
const SUB = 0x1a;
/** After DLE: opens and closes a report of several characters. */
const REPORT_OPEN = 0x58;
const REPORT_CLOSE = 0x2e;
const MAX_REPORT = 1024;

export type StreamItem =
  | { readonly type: 'sound'; readonly samples: Uint8Array }
  /** The character that followed a DLE. */
  | { readonly type: 'code'; readonly code: string };

/** Sound bytes as they travel: every 0x10 doubled. */
export function shield(samples: Uint8Array): Uint8Array {
  let extra = 0;
  for (const sample of samples) if (sample === DLE) extra++;
  if (extra === 0) return samples;
  const shielded = new Uint8Array(samples.length + extra);
  let at = 0;
  for (const sample of samples) {
    shielded[at++] = sample;
    if (sample === DLE) shielded[at++] = DLE;
  }
  return shielded;
}

/** A code as it travels: DLE and one ASCII character. */
export function shieldedCode(code: string): Uint8Array {
  return Uint8Array.of(DLE, code.charCodeAt(0) & 0xff);
}

/**
 * Takes sound and codes apart. A DLE at the end of one piece is held until the next. What lies within a complex report
 * (`<DLE>X` to `<DLE>.`) is dropped, and one that does not end within 1024 bytes is taken for broken: sound goes on.
 */
export class Unshielder {
  readonly #ends: string;
  #escaped = false;
  #reportLength: number | undefined;

  /** `ends` lists the codes behind which something else than sound follows. */
  constructor(ends: string = ETX_CODE) {
    this.#ends = ends;
  }

  /** The items of `bytes`; stops right after a code that ends the stream and says how many bytes it used. */
  push(bytes: Uint8Array): { readonly items: StreamItem[]; readonly used: number } {
    const items: StreamItem[] = [];
    let start = 0;
    let at = 0;
    const flush = (end: number) => {
      if (end > start) items.push({ type: 'sound', samples: bytes.slice(start, end) });
    };
    while (at < bytes.length) {
      if (!this.#escaped) {
        const next = bytes.indexOf(DLE, at);
        const end = next < 0 ? bytes.length : next;
        start += this.#countReport(end - at);
        flush(end);
        this.#escaped = next >= 0;
        at = end + (next < 0 ? 0 : 1);
        start = at;
        continue;
      }
      const item = this.#escape(bytes[at] ?? 0);
      at++;
      start = at;
      this.#escaped = false;
      if (item) items.push(item);
      if (item?.type === 'code' && this.#ends.includes(item.code)) break;
    }
    return { items, used: at };
  }

  reset(): void {
    this.#escaped = false;
    this.#reportLength = undefined;
  }

  #escape(byte: number): StreamItem | undefined {
    if (this.#reportLength !== undefined && byte !== ETX) {
      this.#countReport(2);
      if (byte === REPORT_CLOSE) this.#reportLength = undefined;
      return undefined;
    }
    if (byte === DLE) return { type: 'sound', samples: Uint8Array.of(DLE) };
    if (byte === SUB) return { type: 'sound', samples: Uint8Array.of(DLE, DLE) };
    this.#reportLength = byte === REPORT_OPEN ? 0 : undefined;
    return byte === REPORT_OPEN ? undefined : { type: 'code', code: String.fromCharCode(byte) };
  }

  /** Counts further bytes of a report, if there is one, and says how many of them belong to it. */
  #countReport(length: number): number {
    if (this.#reportLength === undefined) return 0;
    const belonging = Math.min(length, MAX_REPORT + 1 - this.#reportLength);
    this.#reportLength += length;
    if (this.#reportLength > MAX_REPORT) this.#reportLength = undefined;
    return belonging;
  }
}
