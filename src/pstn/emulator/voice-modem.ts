import { DtmfDetector } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import type { CallerIdBlock } from '#pstn/caller-id.ts';
import { type CountryCode, countries, type LineCountry } from '#pstn/countries.ts';
import { parseAtLine } from '#pstn/emulator/at-line.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import { Dialler } from '#pstn/emulator/dialler.ts';
import type { Loop } from '#pstn/emulator/loop.ts';
import { type CommandOutcome, runCommand } from '#pstn/emulator/modem-commands.ts';
import { factorySettings, type ModemSettings } from '#pstn/emulator/modem-settings.ts';
import { ETX_CODE, shield, shieldedCode, Unshielder } from '#pstn/modem/dle.ts';
import type { FinalResult } from '#pstn/modem/results.ts';
import { CallProgressDetector } from '#pstn/supervision/call-progress.ts';

/** What the modem has towards its computer. */
export interface ModemPort {
  send(bytes: Uint8Array): void;
  /** Bytes sent that the computer has not read yet. */
  readonly backlog: number;
  /** Stops and continues what the computer sends, as RTS/CTS would. */
  hold(held: boolean): void;
}

export interface VoiceModemOptions {
  readonly country: CountryCode;
  /** ATD answers OK once it has dialled instead of VCON at the answer. */
  readonly dialResultAtOnce: boolean;
  /** Which code leaves +VTR: `^` as V.253 has it, or ETX. */
  readonly duplexExit: '^' | 'etx';
}

export interface ModemCounters {
  readonly underruns: number;
  readonly overruns: number;
  /** Sound bytes of streams: taken from the computer, played to the line out of them, and heard for the computer. */
  readonly taken: number;
  readonly played: number;
  readonly heard: number;
}

type Mode = 'command' | 'dialling' | 'tones' | 'transmit' | 'receive' | 'duplex';

const MAX_LINE = 256;
/** Sound waiting to be played: beyond this a duplex stream overruns and a one-way stream is held. */
const MAX_PLAY = 16_000;
const HOLD_ABOVE = 2400;
const RESUME_BELOW = 1200;
const MAX_BACKLOG = 8192;
/** A held DTMF key is reported again after so many samples, and its end after so many. */
const KEY_AGAIN = 560;
const KEY_END = 800;

const numeric: Readonly<Record<string, string>> = {
  OK: '0',
  CONNECT: '1',
  RING: '2',
  'NO CARRIER': '3',
  ERROR: '4',
  'NO DIALTONE': '6',
  BUSY: '7',
  'NO ANSWER': '8',
};

/** A V.253 voice modem: bytes in, bytes out, no I/O of its own. `advance` moves its sample clock. */
export class VoiceModem {
  readonly #port: ModemPort;
  readonly #loop: Loop;
  readonly #options: VoiceModemOptions;
  readonly #country: LineCountry;
  readonly #onActive: (active: boolean) => void;
  readonly #play = new ByteQueue();
  readonly #settings: ModemSettings = factorySettings();
  #mode: Mode = 'command';
  #offHook = false;
  #line = '';
  #unshielder = new Unshielder();
  #progress: CallProgressDetector;
  #dtmf: DtmfDetector;
  #dialler: Dialler | undefined;
  /** Codes to report when so many samples more have been heard. */
  #later: { left: number; readonly code: string }[] = [];
  #ending = false;
  #primed = false;
  #starving = false;
  #held = false;
  #counters = { underruns: 0, overruns: 0, taken: 0, played: 0, heard: 0 };

  /** `onActive` says whether `advance` is wanted. */
  constructor(
    deps: { readonly port: ModemPort; readonly loop: Loop; readonly onActive: (active: boolean) => void },
    options: VoiceModemOptions,
  ) {
    this.#port = deps.port;
    this.#loop = deps.loop;
    this.#onActive = deps.onActive;
    this.#options = options;
    this.#country = countries[options.country];
    this.#progress = this.#newProgress();
    this.#dtmf = this.#newDtmf();
    deps.loop.listen({
      ring: (on) => on && this.#result('RING'),
      callerId: (block) => this.#callerId(block),
      current: (flows) => this.#current(flows),
      reversed: () => this.#dialler?.reversed(),
    });
  }

  get counters(): ModemCounters {
    return { ...this.#counters };
  }

  /** Bytes from the computer. */
  receive(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#mode === 'command') rest = rest.subarray(this.#type(rest));
      else if (this.#mode === 'dialling') {
        // Any character aborts dialling (ITU-T V.250 §5.6.1).
        rest = rest.subarray(1);
        this.#dialled('NO CARRIER');
      } else if (this.#mode === 'tones') rest = rest.subarray(rest.length);
      else rest = rest.subarray(this.#takeStream(rest));
    }
  }

  /** On hook and everything forgotten, without a word. */
  powerOff(): void {
    this.#dialler = undefined;
    this.#play.clear();
    this.#line = '';
    Object.assign(this.#settings, factorySettings());
    this.#hook(false);
    this.#setMode('command');
  }

  /** Lets `count` samples pass on the line. */
  advance(count: number): void {
    const sent = this.#next(count);
    const heard = this.#offHook ? this.#loop.transfer(sent) : silence(count);
    this.#hear(heard);
    if (this.#mode === 'tones' && this.#play.length === 0) {
      this.#setMode('command');
      this.#result('OK');
    }
    if (this.#mode === 'transmit' && this.#ending && this.#play.length === 0) this.#endStream();
  }

  #next(count: number): Uint8Array {
    if (this.#dialler) return this.#dialler.next(count);
    const out = silence(count);
    const taken = this.#play.take(count);
    out.set(taken);
    if (this.#mode === 'duplex' || this.#mode === 'transmit') this.#countPlayed(taken.length, count);
    if (this.#held && this.#play.length < RESUME_BELOW) {
      this.#held = false;
      this.#port.hold(false);
    }
    return out;
  }

  #countPlayed(taken: number, wanted: number): void {
    this.#counters.played += taken;
    const starving = this.#primed && taken < wanted && !this.#ending;
    if (starving && !this.#starving) {
      this.#counters.underruns++;
      this.#report('u');
    }
    this.#starving = starving;
  }

  #hear(samples: Uint8Array): void {
    if (this.#offHook && this.#settings.fclass === '8') {
      if (this.#dialler) this.#dialler.hear(samples);
      else {
        this.#progress.push(samples);
        this.#dtmf.push(samples);
      }
    }
    this.#tickKeys(samples.length);
    if (this.#mode !== 'duplex' && this.#mode !== 'receive') return;
    if (this.#port.backlog > MAX_BACKLOG) {
      this.#counters.overruns++;
      return;
    }
    this.#counters.heard += samples.length;
    this.#port.send(shield(this.#settings.coding.fromLine(samples)));
  }

  /** A character at a time up to the end of a command line; gives how many bytes were used. */
  #type(bytes: Uint8Array): number {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (this.#settings.echo) this.#port.send(Uint8Array.of(byte));
      if (byte === 0x0d) {
        const line = this.#line;
        this.#line = '';
        this.#execute(line);
        if (this.#mode !== 'command') return i + 1;
      } else if (byte === 0x08) this.#line = this.#line.slice(0, -1);
      else if (byte >= 0x20 && byte < 0x7f && this.#line.length < MAX_LINE) this.#line += String.fromCharCode(byte);
    }
    return bytes.length;
  }

  #execute(line: string): void {
    // Leftovers of a program that was cut off may stand before the AT.
    const at = line.toUpperCase().indexOf('AT');
    if (at < 0) return;
    for (const command of parseAtLine(line.slice(at + 2))) {
      const outcome = runCommand(command, this.#settings);
      if (outcome.type === 'text') for (const text of outcome.lines) this.#text(text);
      else if (outcome.type !== 'ok' && !this.#act(outcome)) return;
    }
    this.#result('OK');
  }

  /** Does what a command asked of the line; false when its result comes later or was an error. */
  #act(outcome: CommandOutcome): boolean {
    switch (outcome.type) {
      case 'hook':
        this.#hook(outcome.offHook);
        return true;
      case 'reset':
        this.#hook(false);
        return true;
      case 'answer':
        return this.#answer();
      case 'dial':
        return this.#dial(outcome.text);
      case 'stream':
        return this.#beginStream(outcome.mode);
      case 'tones':
        this.#play.push(outcome.sound);
        this.#setMode('tones');
        return false;
      default:
        this.#result('ERROR');
        return false;
    }
  }

  #answer(): boolean {
    if (this.#settings.fclass !== '8') {
      this.#result('NO CARRIER');
      return false;
    }
    this.#hook(true);
    this.#result('VCON');
    return false;
  }

  #dial(text: string): boolean {
    if (this.#settings.fclass !== '8') {
      this.#result('NO CARRIER');
      return false;
    }
    const { progress, registers, ringbackGone, ringbackNever } = this.#settings;
    const settings = {
      country: this.#country,
      blind: progress === 0 || progress === 1 || progress === 3,
      waitSeconds: registers.get(7) ?? 60,
      ringbackGone,
      ringbackNever,
      resultAtOnce: this.#options.dialResultAtOnce,
    };
    this.#dialler = new Dialler(text, settings, (result) => this.#dialled(result));
    this.#setMode('dialling');
    this.#hook(true);
    return false;
  }

  #dialled(result: FinalResult): void {
    this.#dialler = undefined;
    this.#setMode('command');
    if (result !== 'VCON' && result !== 'OK') this.#hook(false);
    this.#result(result);
  }

  #beginStream(mode: 'transmit' | 'receive' | 'duplex'): boolean {
    this.#play.clear();
    this.#primed = false;
    this.#starving = false;
    this.#ending = false;
    this.#unshielder = new Unshielder(`${ETX_CODE}^!\x1b`);
    this.#result('CONNECT');
    this.#setMode(mode);
    return false;
  }

  /** Sound and codes of the computer; gives how many bytes were used. */
  #takeStream(bytes: Uint8Array): number {
    const { items, used } = this.#unshielder.push(bytes);
    for (const item of items) {
      if (item.type === 'sound') this.#takeSound(item.samples);
      else this.#takeCode(item.code);
    }
    return used;
  }

  #takeSound(samples: Uint8Array): void {
    if (this.#mode !== 'duplex' && this.#mode !== 'transmit') return;
    this.#primed = true;
    this.#counters.taken += samples.length;
    const room = MAX_PLAY - this.#play.length;
    if (samples.length > room) {
      this.#counters.overruns++;
      this.#report('o');
    }
    this.#play.push(this.#settings.coding.toLine(samples.subarray(0, Math.max(0, room))));
    if (this.#mode === 'transmit' && !this.#held && this.#play.length > HOLD_ABOVE) {
      this.#held = true;
      this.#port.hold(true);
    }
  }

  /** ETX ends playing once all is played, `!` and ESC end recording at once, `^` duplex, CAN empties the buffer. */
  #takeCode(code: string): void {
    const duplexExit = this.#options.duplexExit === '^' ? '^' : ETX_CODE;
    if (code === '\x18') this.#play.clear();
    else if (this.#mode === 'duplex') {
      if (code === duplexExit) this.#endStream();
    } else if (this.#mode === 'transmit') {
      if (code === ETX_CODE) this.#ending = true;
      else if (code === '!' || code === '\x1b') this.#endStream();
    } else if (this.#mode === 'receive' && (code === '!' || code === '\x1b' || code === ETX_CODE)) this.#endStream();
  }

  #endStream(): void {
    this.#play.clear();
    this.#port.send(shieldedCode(ETX_CODE));
    this.#setMode('command');
    this.#result('OK');
  }

  #hook(offHook: boolean): void {
    if (this.#offHook === offHook) return;
    this.#offHook = offHook;
    this.#progress = this.#newProgress();
    this.#dtmf = this.#newDtmf();
    this.#later = [];
    if (offHook) this.#loop.seize();
    else this.#loop.release();
    this.#onActive(this.#offHook || this.#mode !== 'command');
  }

  #setMode(mode: Mode): void {
    this.#mode = mode;
    if (this.#held) {
      this.#held = false;
      this.#port.hold(false);
    }
    this.#onActive(this.#offHook || mode !== 'command');
  }

  #current(flows: boolean): void {
    if (flows) return;
    if (this.#dialler) this.#dialled('NO CARRIER');
    else this.#report('l');
  }

  #callerId(block: CallerIdBlock): void {
    if (!this.#settings.callerId || this.#offHook) return;
    const fields = [
      ['DATE', block.date],
      ['TIME', block.time],
      ['NMBR', block.number],
      ['NAME', block.name],
    ] as const;
    const lines = fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${value}\r\n`]));
    this.#port.send(utf8(`\r\n${lines.join('')}`));
  }

  /** An event of the line. Between commands it is reported too, while the line is held in voice class. */
  #report(code: string): void {
    const listens = this.#mode !== 'dialling' && this.#mode !== 'tones';
    if (listens && this.#offHook && this.#settings.fclass === '8') this.#port.send(shieldedCode(code));
  }

  #newProgress(): CallProgressDetector {
    const codes = { dial: 'd', ringback: 'r', busy: 'b' } as const;
    return new CallProgressDetector(this.#country, { tone: (tone) => this.#report(codes[tone]), voice: () => {} });
  }

  /** A key is reported between shields, and again while it is held. */
  #newDtmf(): DtmfDetector {
    return new DtmfDetector((digit) => {
      this.#report('/');
      this.#report(digit);
      this.#later.push({ left: KEY_AGAIN, code: digit }, { left: KEY_END, code: '~' });
    });
  }

  #tickKeys(count: number): void {
    if (this.#later.length === 0) return;
    for (const entry of this.#later) entry.left -= count;
    for (const entry of this.#later) if (entry.left <= 0) this.#report(entry.code);
    this.#later = this.#later.filter((entry) => entry.left > 0);
  }

  #text(line: string): void {
    this.#port.send(utf8(`\r\n${line}\r\n`));
  }

  #result(result: FinalResult | 'RING'): void {
    if (this.#settings.quiet) return;
    const { verbose } = this.#settings;
    const bytes = verbose ? utf8(`\r\n${result}\r\n`) : concat(utf8(numeric[result] ?? '4'), utf8('\r'));
    this.#port.send(bytes);
  }
}
