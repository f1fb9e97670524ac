import { DLE, ETX_CODE, type StreamItem, Unshielder } from '#pstn/modem/dle.ts';

/** What a modem says: lines and codes in command state, sound and codes while a stream runs. */
export type ModemItem = { readonly type: 'line'; readonly text: string } | StreamItem;

const CR = 0x0d;
const LF = 0x0a;
/** Longer than any answer line; what goes beyond is line noise and dropped up to the next line end. */
const MAX_LINE = 512;

/**
 * Splits a modem's bytes. `CONNECT` switches to the stream only when armed, since the sound begins right behind it, often
 * in the same read; `<DLE><ETX>` switches back.
 */
export class ModemReader {
  readonly #unshielder = new Unshielder();
  #streaming = false;
  #armed = false;
  #line: number[] = [];
  #tooLong = false;
  #textBytes = 0;
  #escaped = false;
  /** The LF of the CONNECT line, which is no sound. */
  #skipLineFeed = false;

  /** Bytes since the last `reset` that stood outside of any stream. */
  get textBytes(): number {
    return this.#textBytes;
  }

  get streaming(): boolean {
    return this.#streaming;
  }

  /** The next CONNECT line starts a stream of sound. */
  expectStream(): void {
    this.#armed = true;
  }

  /** Back to command state, whatever the modem was sending. */
  reset(): void {
    this.#streaming = false;
    this.#armed = false;
    this.#skipLineFeed = false;
    this.#textBytes = 0;
    this.#dropLine();
    this.#unshielder.reset();
  }

  push(bytes: Uint8Array): ModemItem[] {
    const items: ModemItem[] = [];
    let rest = bytes;
    while (rest.length > 0)
      rest = rest.subarray(this.#streaming ? this.#pushSound(rest, items) : this.#pushText(rest, items));
    return items;
  }

  #pushSound(bytes: Uint8Array, items: ModemItem[]): number {
    if (this.#skipLineFeed) {
      this.#skipLineFeed = false;
      if (bytes[0] === LF) return 1;
    }
    const { items: stream, used } = this.#unshielder.push(bytes);
    items.push(...stream);
    const last = stream.at(-1);
    if (last?.type === 'code' && last.code === ETX_CODE) this.reset();
    return used;
  }

  #pushText(bytes: Uint8Array, items: ModemItem[]): number {
    this.#textBytes += bytes.length;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (this.#escaped) {
        this.#escaped = false;
        items.push({ type: 'code', code: String.fromCharCode(byte) });
      } else if (byte === DLE) this.#escaped = true;
      else if (byte === CR || byte === LF) {
        this.#endLine(items);
        if (this.#streaming) {
          this.#skipLineFeed = byte === CR;
          return i + 1;
        }
      } else if (this.#line.length < MAX_LINE) this.#line.push(byte);
      else this.#tooLong = true;
    }
    return bytes.length;
  }

  #endLine(items: ModemItem[]): void {
    const text = this.#tooLong ? '' : String.fromCharCode(...this.#line).trim();
    this.#dropLine();
    if (text === '') return;
    items.push({ type: 'line', text });
    if (this.#armed && text === 'CONNECT') {
      this.#armed = false;
      this.#streaming = true;
      this.#unshielder.reset();
    }
  }

  #dropLine(): void {
    this.#line = [];
    this.#tooLong = false;
    this.#escaped = false;
  }
}
