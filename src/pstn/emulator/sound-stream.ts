import { silence } from '#media/g711.ts';
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
  readonly report: (code: string) => void;
  /** The computer ended the stream, and all of it was played. */
  readonly ended: () => void;
}

/** Sound waiting to be played: beyond this a duplex stream overruns, and above a fraction of it a one-way stream is held. */
const MAX_PLAY = 16_000;
const HOLD_ABOVE = 2400;
const RESUME_BELOW = 1200;
const MAX_BACKLOG = 8192;
const ESC = '\x1b';
const CAN = '\x18';

/** Sound between computer and line: +VTX, +VRX or +VTR, from CONNECT to its end. */
export class SoundStream {
  readonly #mode: StreamMode;
  readonly #deps: StreamDeps;
  readonly #duplexExit: string;
  readonly #play = new ByteQueue();
  readonly #unshielder = new Unshielder(`${ETX_CODE}^!${ESC}`);
  #ending = false;
  #over = false;
  /** Playing begins with the first byte from the computer: before it there is no underrun. */
  #primed = false;
  #starving = false;
  #held = false;

  constructor(mode: StreamMode, deps: StreamDeps, duplexExit: '^' | 'etx') {
    this.#mode = mode;
    this.#deps = deps;
    this.#duplexExit = duplexExit === '^' ? '^' : ETX_CODE;
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
    if (this.#mode === 'receive') return out;
    const taken = this.#play.take(count);
    out.set(taken);
    this.#deps.counters.played += taken.length;
    const starving = this.#primed && taken.length < count && !this.#ending;
    if (starving && !this.#starving) {
      this.#deps.counters.underruns++;
      this.#deps.report('u');
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
    else {
      counters.heard += samples.length;
      port.send(shield(coding.fromLine(samples)));
    }
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
    const room = Math.max(0, MAX_PLAY - this.#play.length);
    if (samples.length > room) {
      counters.overruns++;
      this.#deps.report('o');
    }
    this.#play.push(coding.toLine(samples.subarray(0, room)));
    if (this.#mode === 'transmit' && this.#play.length > HOLD_ABOVE) this.#hold(true);
  }

  /** ETX ends playing once all is played, `!` and ESC end one-way streams at once, `^` duplex; CAN empties the buffer. */
  #takeCode(code: string): void {
    if (code === CAN) this.#play.clear();
    else if (this.#mode === 'duplex') {
      if (code === this.#duplexExit) this.end();
    } else if (code === '!' || code === ESC || (code === ETX_CODE && this.#mode === 'receive')) this.end();
    else if (code === ETX_CODE) this.#ending = true;
  }

  #hold(held: boolean): void {
    if (this.#held === held) return;
    this.#held = held;
    this.#deps.port.hold(held);
  }
}
