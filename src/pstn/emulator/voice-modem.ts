import { silence } from '#media/g711.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import type { CountryCode } from '#platform/country-code.ts';
import type { CallerIdBlock } from '#pstn/caller-id.ts';
import type { LineCountry } from '#pstn/countries/country.ts';
import { countries } from '#pstn/countries.ts';
import { parseAtLine } from '#pstn/emulator/at-line.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import { Dialler } from '#pstn/emulator/dialler.ts';
import { LineMonitor } from '#pstn/emulator/line-monitor.ts';
import type { Loop } from '#pstn/emulator/loop.ts';
import { type CommandOutcome, runCommand } from '#pstn/emulator/modem-commands.ts';
import { factorySettings, type ModemSettings } from '#pstn/emulator/modem-settings.ts';
import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { type ModemPort, SoundStream, type StreamCounters, type StreamMode } from '#pstn/emulator/sound-stream.ts';
import type { Telephone } from '#pstn/line.ts';
import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import type { FinalResult } from '#pstn/modem/results.ts';

export interface VoiceModemOptions {
  readonly country: CountryCode;
  readonly personality: Personality;
}

/** Faults of the modem itself. */
export interface Manners {
  /** Nothing that the computer writes ends full duplex. */
  readonly stuck: boolean;
  /** ATE0 is of no use. */
  readonly echoes: boolean;
  /** Results are numeric after power-on and reset. */
  readonly numeric: boolean;
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
  readonly #country: LineCountry;
  readonly #onActive: (active: boolean) => void;
  readonly #personality: Personality;
  readonly #settings: ModemSettings;
  readonly #counters: StreamCounters = { underruns: 0, overruns: 0, taken: 0, played: 0, heard: 0 };
  /** What a running command sends to the line (+VTS). */
  readonly #tones = new ByteQueue();
  #stream: SoundStream | undefined;
  #dialler: Dialler | undefined;
  #monitor: LineMonitor | undefined;
  #offHook = false;
  #snooping = false;
  /** Ringing current flows. */
  #rings = false;
  #manners: Manners = { stuck: false, echoes: false, numeric: false };
  #line = '';

  /** `onActive` says whether `advance` is wanted. */
  constructor(
    deps: { readonly port: ModemPort; readonly loop: Loop; readonly onActive: (active: boolean) => void },
    options: VoiceModemOptions,
  ) {
    this.#port = deps.port;
    this.#loop = deps.loop;
    this.#onActive = deps.onActive;
    this.#personality = options.personality;
    this.#settings = factorySettings(options.personality);
    this.#country = countries[options.country];
    deps.loop.listen({
      // Within a stream a ring is a code (ITU-T V.253 table 14).
      ring: (on) => {
        this.#rings = on;
        if (on && this.#stream) this.#port.send(shieldedCode('R'));
        else if (on) this.#result('RING');
      },
      callerId: (block) => this.#callerId(block),
      current: (flows) => this.#current(flows),
      reversed: () => this.#reversed(),
      telephone: (by, offHook) => this.#telephone(by, offHook),
      callWaiting: () => this.#report('callWaiting'),
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

  misbehave(manners: Manners): void {
    this.#manners = manners;
    if (manners.echoes) this.#settings.echo = true;
    if (manners.numeric) this.#settings.verbose = false;
  }

  /** The computer closed the port: with DTR down the modem hangs up and takes commands again (&D2, ITU-T V.250 §6.2.2). */
  hangUp(): void {
    this.#dialler = undefined;
    this.#stream = undefined;
    this.#tones.clear();
    this.#line = '';
    this.#hook(false);
    this.#tellActive();
  }

  /** On hook and everything forgotten, without a word. */
  powerOff(): void {
    this.hangUp();
    Object.assign(this.#settings, factorySettings(this.#personality));
    this.misbehave(this.#manners);
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

  /** On hook the sound goes to the modem's own loudspeaker, and none comes in, unless the modem listens to the pair (+VLS=20). */
  #unheard(count: number): Uint8Array {
    this.#next(count);
    return this.#snooping ? this.#loop.overhear(count) : silence(count);
  }

  /** A character at a time up to the end of a command line; gives how many bytes were used. */
  #type(bytes: Uint8Array): number {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i] ?? 0;
      if (this.#settings.echo || this.#manners.echoes) this.#port.send(Uint8Array.of(byte));
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
      const outcome = runCommand(command, this.#settings, this.#personality);
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
        this.misbehave(this.#manners);
        return true;
      case 'answer':
        return this.#answer();
      case 'dial':
        return this.#dial(outcome.text);
      case 'stream':
        return this.#beginStream(outcome.mode);
      case 'snoop':
        this.#hook(false);
        this.#snooping = true;
        return true;
      case 'voltage':
        this.#text(this.#voltage());
        return true;
      case 'tones':
        if (outcome.flash) this.#loop.flash();
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
    if (this.#rings) {
      // Lifting the receiver now would answer the caller and not dial: the ring is the command's result.
      this.#result('RING');
      return false;
    }
    if (this.#loop.isInUse && !this.#offHook) {
      this.#result('LINE IN USE');
      return false;
    }
    const { progress, registers, ringbackGone, ringbackNever } = this.#settings;
    const settings = {
      country: this.#country,
      blind: progress === 0 || progress === 1 || progress === 3,
      waitSeconds: registers.get(7) ?? 60,
      ringbackGone,
      ringbackNever,
      resultAtOnce: this.#personality.dialResult === 'dialled',
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
    const { duplexExits = [], throughput } = this.#personality;
    this.#stream = new SoundStream(mode, {
      port: this.#port,
      coding: this.#settings.coding,
      counters: this.#counters,
      report: (what) => this.#report(what),
      exits: () => (this.#manners.stuck ? [] : duplexExits),
      throughput,
      ended: () => {
        this.#stream = undefined;
        this.#port.send(shieldedCode(ETX_CODE));
        this.#tellActive();
        this.#result('OK');
      },
    });
    this.#tellActive();
    return false;
  }

  #hook(offHook: boolean): void {
    this.#snooping = false;
    if (this.#offHook === offHook) return;
    this.#offHook = offHook;
    const report = (code: string) => this.#code(code);
    this.#monitor = offHook ? new LineMonitor(this.#country, this.#personality, report) : undefined;
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
    else this.#report('currentGone');
  }

  #reversed(): void {
    const code = this.#personality.codes.reversal;
    if (this.#dialler === undefined) this.#report('reversal');
    else {
      if (code !== undefined) this.#port.send(shieldedCode(code));
      this.#dialler.reversed();
    }
  }

  /** Reported on hook too. */
  #telephone(by: Telephone, offHook: boolean): void {
    const code = this.#personality.codes[by]?.[offHook ? 0 : 1];
    if (code !== undefined && this.#settings.fclass === '8') this.#port.send(shieldedCode(code));
  }

  /** As -TRV? tells it: nothing on an open pair, the exchange's battery on hook, a few volts while anybody is off hook. */
  #voltage(): string {
    if (!this.#loop.isPresent) return '1.4';
    return this.#offHook || this.#loop.isInUse ? '7.2' : '48.3';
  }

  #callerId(block: CallerIdBlock): void {
    if (!this.#settings.callerId || this.#offHook) return;
    const fields = [
      ['DATE', block.date],
      ['TIME', block.time],
      ['NMBR', block.number],
      ['NAME', block.name],
    ] as const;
    const equals = this.#personality.callerIdStyle === 'spaced' ? ' = ' : '=';
    const lines = fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}${equals}${value}\r\n`]));
    this.#port.send(utf8(`\r\n${lines.join('')}`));
  }

  #report(what: 'underrun' | 'overrun' | 'currentGone' | 'reversal' | 'callWaiting'): void {
    const code = this.#personality.codes[what];
    if (code !== undefined) this.#code(code);
  }

  /** An event of the line. Between commands it is reported too, while the line is held in voice class. */
  #code(code: string): void {
    const listens = this.#dialler === undefined && this.#tones.length === 0;
    if (listens && this.#offHook && this.#settings.fclass === '8') this.#port.send(shieldedCode(code));
  }

  #text(line: string): void {
    this.#port.send(utf8(`\r\n${line}\r\n`));
  }

  #result(result: FinalResult | 'RING'): void {
    if (this.#settings.quiet) return;
    const { verbose } = this.#settings;
    const words = result === 'NO DIALTONE' ? this.#personality.noDialTone : result;
    const bytes = verbose ? utf8(`\r\n${words}\r\n`) : concat(utf8(numeric[result] ?? '4'), utf8('\r'));
    this.#port.send(bytes);
  }
}
