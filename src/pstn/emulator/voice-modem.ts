import { silence } from '#media/g711.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import type { CallerIdBlock } from '#pstn/caller-id.ts';
import { type CountryCode, countries, type LineCountry } from '#pstn/countries.ts';
import { parseAtLine } from '#pstn/emulator/at-line.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import { Dialler } from '#pstn/emulator/dialler.ts';
import { LineMonitor } from '#pstn/emulator/line-monitor.ts';
import type { Loop } from '#pstn/emulator/loop.ts';
import { type CommandOutcome, runCommand } from '#pstn/emulator/modem-commands.ts';
import { factorySettings, type ModemSettings } from '#pstn/emulator/modem-settings.ts';
import { type ModemPort, SoundStream, type StreamCounters, type StreamMode } from '#pstn/emulator/sound-stream.ts';
import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import type { FinalResult } from '#pstn/modem/results.ts';

export interface VoiceModemOptions {
  readonly country: CountryCode;
  /** ATD answers OK once it has dialled instead of VCON at the answer. */
  readonly dialResultAtOnce: boolean;
  /** Which code leaves +VTR: `^` as V.253 has it, or ETX. */
  readonly duplexExit: '^' | 'etx';
}

const MAX_LINE = 256;

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
  readonly #settings: ModemSettings = factorySettings();
  readonly #counters: StreamCounters = { underruns: 0, overruns: 0, taken: 0, played: 0, heard: 0 };
  /** What a running command sends to the line (+VTS). */
  readonly #tones = new ByteQueue();
  #stream: SoundStream | undefined;
  #dialler: Dialler | undefined;
  #monitor: LineMonitor | undefined;
  #offHook = false;
  #line = '';

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
    deps.loop.listen({
      ring: (on) => on && this.#result('RING'),
      callerId: (block) => this.#callerId(block),
      current: (flows) => this.#current(flows),
      reversed: () => this.#dialler?.reversed(),
    });
  }

  get counters(): Readonly<StreamCounters> {
    return { ...this.#counters };
  }

  /** Bytes from the computer. */
  receive(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#stream) rest = rest.subarray(this.#stream.take(rest));
      else if (this.#dialler) {
        // Any character aborts dialling (ITU-T V.250 §5.6.1).
        rest = rest.subarray(1);
        this.#dialled('NO CARRIER');
      } else if (this.#tones.length > 0) return;
      else rest = rest.subarray(this.#type(rest));
    }
  }

  /** On hook and everything forgotten, without a word. */
  powerOff(): void {
    this.#dialler = undefined;
    this.#stream = undefined;
    this.#tones.clear();
    this.#line = '';
    Object.assign(this.#settings, factorySettings());
    this.#hook(false);
    this.#tellActive();
  }

  /** Lets `count` samples pass on the line. */
  advance(count: number): void {
    const heard = this.#offHook ? this.#loop.transfer(this.#next(count)) : this.#unheard(count);
    if (this.#dialler) this.#dialler.hear(heard);
    else if (this.#settings.fclass === '8') this.#monitor?.push(heard);
    this.#stream?.hear(heard);
  }

  /** What goes to the line. */
  #next(count: number): Uint8Array {
    if (this.#dialler) return this.#dialler.next(count);
    if (this.#stream) return this.#stream.next(count);
    const out = silence(count);
    if (this.#tones.length === 0) return out;
    out.set(this.#tones.take(count));
    if (this.#tones.length === 0) {
      this.#tellActive();
      this.#result('OK');
    }
    return out;
  }

  /** On hook the sound goes to the modem's own loudspeaker, and none comes in. */
  #unheard(count: number): Uint8Array {
    this.#next(count);
    return silence(count);
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
        if (this.#isBusy) return i + 1;
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
        this.#tones.push(outcome.sound);
        this.#tellActive();
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
    this.#hook(true);
    return false;
  }

  #dialled(result: FinalResult): void {
    this.#dialler = undefined;
    if (result !== 'VCON' && result !== 'OK') this.#hook(false);
    this.#result(result);
  }

  #beginStream(mode: StreamMode): boolean {
    this.#result('CONNECT');
    this.#stream = new SoundStream(
      mode,
      {
        port: this.#port,
        coding: this.#settings.coding,
        counters: this.#counters,
        report: (code) => this.#report(code),
        ended: () => {
          this.#stream = undefined;
          this.#port.send(shieldedCode(ETX_CODE));
          this.#tellActive();
          this.#result('OK');
        },
      },
      this.#options.duplexExit,
    );
    this.#tellActive();
    return false;
  }

  #hook(offHook: boolean): void {
    if (this.#offHook === offHook) return;
    this.#offHook = offHook;
    this.#monitor = offHook ? new LineMonitor(this.#country, (code) => this.#report(code)) : undefined;
    if (offHook) this.#loop.seize();
    else this.#loop.release();
    this.#tellActive();
  }

  /** Whether a command still runs. */
  get #isBusy(): boolean {
    return this.#stream !== undefined || this.#dialler !== undefined || this.#tones.length > 0;
  }

  #tellActive(): void {
    this.#onActive(this.#offHook || this.#isBusy);
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
    const listens = this.#dialler === undefined && this.#tones.length === 0;
    if (listens && this.#offHook && this.#settings.fclass === '8') this.#port.send(shieldedCode(code));
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
