import { silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import type { SoundCoding } from '#pstn/emulator/sound-coding.ts';
import { ETX_CODE, shield, Unshielder } from '#pstn/modem/dle.ts';

/** What the modem has towards its computer. */
export interface ModemPort {
  send(bytes: Uint8Array): void;
  /** Bytes sent that the computer has not read yet. */
  readonly backlog: number;
  /** Stops and continues what the computer sends, as RTS/CTS would. */
  hold(held: boolean): void;
}

/** Counted since the modem was made. Sound in bytes. */
export interface StreamCounters {
  underruns: number;
  overruns: number;
  /** Taken from the computer, played to the line, and heard for the computer. */
  taken: number;
  played: number;
  heard: number;
}

export type StreamMode = 'transmit' | 'receive' | 'duplex';

export interface StreamDeps {
  readonly port: ModemPort;
  readonly coding: SoundCoding;
  readonly counters: StreamCounters;
  readonly report: (what: 'underrun' | 'overrun') => void;
  /** Which codes leave full duplex just now. */
  readonly exits: () => readonly string[];
  /** Bytes a second that can move in both directions of a duplex stream together. */
  readonly throughput: number | undefined;
  /** The computer ended the stream, and all of it was played. */
  readonly ended: () => void;
}

/** Sound waiting to be played: beyond this a duplex stream overruns, and above a fraction of it a one-way stream is held. */
const MAX_PLAY = 16_000;
const HOLD_ABOVE = 2400;
const RESUME_BELOW = 1200;
const MAX_BACKLOG = 8192;
/** A modem of limited speed takes a fifth of a second at once. */
const BURST = 5;
const ESC = '\x1b';
const CAN = '\x18';

/** Sound between computer and line: +VTX, +VRX or +VTR, from CONNECT to its end. */
export class SoundStream {
  readonly #mode: StreamMode;
  readonly #deps: StreamDeps;
  readonly #throughput: number | undefined;
  readonly #play = new ByteQueue();
  readonly #unshielder = new Unshielder(`${ETX_CODE}^!${ESC}`);
  #ending = false;
  #over = false;
  /** Playing begins with the first byte from the computer: before it there is no underrun. */
  #primed = false;
  #starving = false;
  #held = false;
  /** Half a sample of two bytes. */
  #half = new Uint8Array(0);
  /** Bytes that may still move in this moment. */
  #credit: number;

  constructor(mode: StreamMode, deps: StreamDeps) {
    this.#mode = mode;
    this.#deps = deps;
    this.#throughput = mode === 'duplex' ? deps.throughput : undefined;
    this.#credit = (this.#throughput ?? 0) / BURST;
  }

  /** Sound and codes of the computer; gives how many bytes were used. */
  take(bytes: Uint8Array): number {
    const { items, used } = this.#unshielder.push(bytes);
    for (const item of items) {
      if (item.type === 'sound') this.#takeSound(item.samples);
      else this.#takeCode(item.code);
    }
    return used;
  }

  /** What the line gets. */
  next(count: number): Uint8Array {
    const out = silence(count);
    this.#earn(count);
    if (this.#mode === 'receive') return out;
    const taken = this.#play.take(count);
    out.set(taken);
    this.#deps.counters.played += taken.length;
    const starving = this.#primed && taken.length < count && !this.#ending;
    if (starving && !this.#starving) {
      this.#deps.counters.underruns++;
      this.#deps.report('underrun');
    }
    this.#starving = starving;
    if (this.#play.length < RESUME_BELOW) this.#hold(false);
    return out;
  }

  /** What the line brings. */
  hear(samples: Uint8Array): void {
    const { port, counters, coding } = this.#deps;
    if (this.#mode === 'transmit') {
      if (this.#ending && this.#play.length === 0) this.end();
    } else if (port.backlog > MAX_BACKLOG) counters.overruns++;
    else if (this.#spend(samples.length * coding.bytesPerSample)) {
      counters.heard += samples.length;
      port.send(shield(coding.fromLine(samples)));
    } else this.#overrun();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#hold(false);
    this.#deps.ended();
  }

  #takeSound(samples: Uint8Array): void {
    if (this.#mode === 'receive' || this.#over) return;
    const { counters, coding } = this.#deps;
    this.#primed = true;
    counters.taken += samples.length;
    const whole = this.#wholeSamples(samples);
    const room = this.#spend(whole.length) ? Math.max(0, MAX_PLAY - this.#play.length) : 0;
    const fits = whole.subarray(0, room * coding.bytesPerSample);
    if (fits.length < whole.length) this.#overrun();
    this.#play.push(coding.toLine(fits));
    if (this.#mode === 'transmit' && this.#play.length > HOLD_ABOVE) this.#hold(true);
  }

  #wholeSamples(bytes: Uint8Array): Uint8Array {
    const size = this.#deps.coding.bytesPerSample;
    if (size === 1) return bytes;
    const all = concat(this.#half, bytes);
    const end = all.length - (all.length % size);
    this.#half = all.slice(end);
    return all.subarray(0, end);
  }

  #overrun(): void {
    this.#deps.counters.overruns++;
    this.#deps.report('overrun');
  }

  /** What may move while `samples` pass; what was not used is kept for a burst. */
  #earn(samples: number): void {
    const rate = this.#throughput ?? 0;
    this.#credit = Math.min(rate / BURST, this.#credit + (rate * samples) / 8000);
  }

  /** False when the modem can't move so many bytes more. */
  #spend(bytes: number): boolean {
    if (this.#throughput === undefined) return true;
    if (this.#credit < bytes) return false;
    this.#credit -= bytes;
    return true;
  }

  /** ETX ends playing once all is played, `!` and ESC end one-way streams at once, `^` duplex; CAN empties the buffer. */
  #takeCode(code: string): void {
    if (code === CAN) this.#play.clear();
    else if (this.#mode === 'duplex') {
      if (this.#deps.exits().includes(code)) this.end();
    } else if (code === '!' || code === ESC || (code === ETX_CODE && this.#mode === 'receive')) this.end();
    else if (code === ETX_CODE) this.#ending = true;
  }

  #hold(held: boolean): void {
    if (this.#held === held) return;
    this.#held = held;
    this.#deps.port.hold(held);
  }
}
