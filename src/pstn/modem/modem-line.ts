import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { CallerIdReceiver } from '#pstn/caller-id/receiver.ts';
import { countries } from '#pstn/countries.ts';
import type {
  CallerId,
  DialFault,
  IncomingRing,
  Line,
  LineCall,
  LineObserver,
  LineStatus,
  LineTraits,
} from '#pstn/line.ts';
import { ModemCall } from '#pstn/modem/call.ts';
import { dialFailure } from '#pstn/modem/dial-failure.ts';
import { HalfDuplexPath } from '#pstn/modem/half-duplex/half-duplex-path.ts';
import { linkBytesPerSecond } from '#pstn/modem/link.ts';
import { initialState, step } from '#pstn/modem/machine/machine.ts';
import type { CallPosition, Effect, Input, MachineOptions, Modem, Outcome, State } from '#pstn/modem/machine/state.ts';
import { MachineTimers } from '#pstn/modem/machine-timers.ts';
import { followingMovedDevice } from '#pstn/modem/moved-device.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { ModemProfile } from '#pstn/modem/profiles/schema.ts';
import { ModemReader } from '#pstn/modem/reader.ts';
import { type OpenSerial, openSerialPort, type SerialDevice } from '#pstn/modem/serial-port.ts';
import { type SoundCodec, soundCodec } from '#pstn/modem/sound-codec.ts';
import type { PathSound, SoundPath } from '#pstn/modem/sound-path.ts';
import { LineEar, type LineHeard } from '#pstn/supervision/line-ear.ts';

export interface ModemLineOptions {
  readonly name: string;
  /** The serial device; best a name under /dev/serial/by-id, which outlives unplugging. */
  readonly path: string;
  readonly country: CountryCode;
  readonly baudRate?: number;
  /** `in-band` (default): tones within the stream. `vts`: by AT+VTS, the sound pausing meanwhile. */
  readonly dtmf?: 'in-band' | 'vts';
  /** Silence that ends a call, s. Not given: silence ends nothing. */
  readonly silenceSeconds?: number;
  /** How long dialling and ringing may take, ms. 90 s when not given. */
  readonly dialTimeoutMs?: number;
  /** Among which the modem's own is chosen; the built-in ones when not given. */
  readonly profiles?: readonly ModemProfile[];
  /** Taken without looking at what the modem says. */
  readonly profile?: ModemProfile;
}

export interface ModemLineDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The serial port; the serialport package when not given. */
  readonly openPort?: OpenSerial;
}

interface Deferred<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

const BAUD_RATE = 115_200;
/** Digits of a number to dial: keys, and commas for pauses of 2 s, W to wait for a dial tone (ITU-T V.250 §6.3.1). */
const DIALABLE = /^[0-9*#A-D,W]{1,64}$/;

/** A V.253 voice modem on a serial port as a telephone line: the shell around the machine in `machine/`. */
export class ModemLine implements Line {
  readonly name: string;
  readonly #deps: ModemLineDeps;
  readonly #options: ModemLineOptions;
  readonly #openPort: OpenSerial;
  readonly #machineOptions: MachineOptions;
  readonly #log: Logger;
  readonly #reader = new ModemReader();
  readonly #timers: MachineTimers;
  readonly #observers: LineObserver[] = [];
  readonly #inputs: Input[] = [];
  readonly #waitingForStart: (() => void)[] = [];
  readonly #waitingForStop: (() => void)[] = [];
  #codec: SoundCodec = soundCodec('mulaw');
  #stepping = false;
  #state: State = initialState;
  #status: LineStatus = { state: 'absent', reason: 'not started' };
  #device: SerialDevice | undefined;
  #port = 0;
  #call: ModemCall | undefined;
  #snooper: CallerIdReceiver | undefined;
  #pending: Deferred<LineCall> | undefined;
  #signalled: (() => void) | undefined;
  #abandon: AbortController | undefined;

  constructor(deps: ModemLineDeps, options: ModemLineOptions) {
    this.#deps = deps;
    this.#options = options;
    this.name = options.name;
    this.#log = deps.log.child('modem');
    const onMoved = (from: string, to: string) => this.#log.warn('the modem has another name now', { from, to });
    this.#openPort = deps.openPort ?? followingMovedDevice(openSerialPort, { onMoved });
    this.#timers = new MachineTimers(deps.clock, (timer) =>
      this.#input({ type: 'timeout', timer, ...this.#position, textBytes: this.#reader.textBytes }),
    );
    this.#machineOptions = {
      country: options.country,
      dialTimeoutMs: options.dialTimeoutMs ?? 90_000,
      silenceSeconds: options.silenceSeconds,
      profiles: options.profiles ?? builtInProfiles,
      forced: options.profile,
      linkBytesPerSecond: linkBytesPerSecond(options.path, options.baudRate ?? BAUD_RATE),
    };
  }

  get status(): LineStatus {
    return this.#status;
  }

  get traits(): LineTraits | undefined {
    const modem = this.#modem;
    return modem && { profile: modem.profile.name, duplex: modem.duplex };
  }

  observe(observer: LineObserver): void {
    this.#observers.push(observer);
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#waitingForStart.push(resolve);
      this.#input({ type: 'start' });
    });
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#waitingForStop.push(resolve);
      this.#input({ type: 'stop' });
    });
  }

  async dial(digits: string, signal: AbortSignal): Promise<LineCall> {
    if (!DIALABLE.test(digits)) throw dialFailure({ code: 'modem', detail: 'a number has 1 to 64 of 0-9 * # A-D , W' });
    if (signal.aborted) throw dialFailure({ code: 'aborted' });
    if (this.#status.state !== 'idle' || this.#pending) {
      throw dialFailure({ code: 'line-unavailable', state: this.#status.state });
    }
    const abort = () => this.#input({ type: 'hang-up' });
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await this.#place({ type: 'dial', digits });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #place(input: Input): Promise<LineCall> {
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#input(input);
    });
  }

  /** Inputs that arise while a step's effects are carried out wait for their turn. */
  #input(input: Input): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const { state, effects } = step(this.#state, next, this.#machineOptions);
      if (state.phase !== this.#state.phase) this.#log.debug('phase', { line: this.name, phase: state.phase });
      this.#state = state;
      if (state.phase !== 'snooping') this.#snooper = undefined;
      if (state.phase === 'initialising') this.#codec = soundCodec(state.modem.method.coding);
      for (const effect of effects) this.#safely(() => this.#carryOut(effect));
    }
    this.#stepping = false;
  }

  /** What an observer or a sound exchange throws must not stop the machine half-way. */
  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#log.error('a listener of the line failed', { line: this.name, error: messageOf(error) });
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'open':
        this.#open();
        break;
      case 'close':
        this.#close();
        break;
      case 'send':
        this.#device?.write(effect.bytes);
        break;
      case 'read-lines':
        this.#reader.reset();
        break;
      case 'expect-stream':
        this.#reader.expectStream();
        break;
      case 'set-timer':
        this.#timers.set(effect.timer, effect.ms);
        break;
      case 'cancel-timer':
        this.#timers.cancel(effect.timer);
        break;
      case 'log':
        this.#log[effect.level](effect.message, {
          line: this.name,
          ...(effect.text === undefined ? {} : { text: printable(effect.text) }),
        });
        break;
      default:
        this.#tell(effect);
    }
  }

  /** The effects that reach the user of the line. */
  #tell(effect: Effect): void {
    switch (effect.type) {
      case 'status':
        this.#setStatus(effect.status);
        break;
      case 'ring':
        this.#ring(effect.callerId);
        break;
      case 'abandoned':
        this.#abandon?.abort(effect.why);
        break;
      case 'stream':
        this.#codec.reset();
        this.#call ??= this.#newCall();
        this.#call.begin(this.#modem?.way ?? 'both');
        break;
      case 'connected':
        if (this.#call) {
          this.#call.answer = effect.answer;
          this.#pending?.resolve(this.#call);
        }
        this.#pending = undefined;
        break;
      case 'line-event':
        this.#call?.event(effect.event);
        break;
      case 'outcome':
        this.#finish(effect.outcome);
        break;
      case 'digit':
        this.#call?.digit(effect.digit);
        break;
      case 'count':
        this.#call?.count(effect.what);
        break;
      case 'dial-tones':
        this.#call?.dial(effect.digits);
        break;
      case 'signalled':
        this.#signalled?.();
        break;
      case 'stopped':
        for (const resolve of this.#waitingForStop.splice(0)) resolve();
    }
  }

  #open(): void {
    const port = ++this.#port;
    const current = () => port === this.#port;
    const listener = {
      data: (bytes: Uint8Array) => {
        if (current()) this.#receive(bytes);
      },
      closed: (reason: string) => {
        if (!current()) return;
        this.#device = undefined;
        this.#input({ type: 'lost', reason });
      },
    };
    const opening = this.#openPort(this.#options.path, this.#options.baudRate ?? BAUD_RATE, listener);
    opening.then(
      (device) => {
        if (!current()) return device.close();
        this.#device = device;
        this.#input({ type: 'opened' });
      },
      (error) => {
        if (current()) this.#input({ type: 'lost', reason: messageOf(error) });
      },
    );
  }

  #close(): void {
    this.#port++;
    const device = this.#device;
    this.#device = undefined;
    device?.close().catch((error) => this.#log.warn('closing failed', { line: this.name, error: messageOf(error) }));
  }

  #receive(bytes: Uint8Array): void {
    for (const item of this.#reader.push(bytes)) {
      if (item.type === 'sound') {
        // On the way out of the stream nothing may follow <DLE>^.
        const { phase } = this.#state;
        if (phase === 'snooping') this.#snoop(item.samples);
        const flowing = phase === 'talking' || phase === 'listening' || phase === 'turning';
        if (flowing) this.#call?.hear(this.#codec.decode(item.samples));
      } else if (item.type === 'line') {
        this.#log.debug('modem says', { line: this.name, text: printable(item.text) });
        this.#input(item);
      } else this.#input({ ...item, ...this.#position });
    }
  }

  /** The sound between two rings, for a modem that reads no caller ID itself. */
  #snoop(bytes: Uint8Array): void {
    if (this.#snooper === undefined) this.#codec.reset();
    this.#snooper ??= new CallerIdReceiver((report) => {
      if (report.type === 'call') this.#input({ type: 'caller-id', block: report.block });
    });
    this.#snooper.push(this.#codec.decode(bytes));
  }

  get #position(): CallPosition {
    const call = this.#call;
    return { heard: call?.statistics.bytesHeard ?? 0, quietFor: call?.quietFor ?? Number.POSITIVE_INFINITY };
  }

  #setStatus(status: LineStatus): void {
    const first = status.state === 'idle' || status.state === 'absent';
    const same = JSON.stringify(status) === JSON.stringify(this.#status);
    this.#status = status;
    if (!same) for (const observer of this.#observers) observer.status(status);
    if (first) for (const resolve of this.#waitingForStart.splice(0)) resolve();
  }

  #ring(callerId: CallerId): void {
    const abandon = new AbortController();
    this.#abandon = abandon;
    const ring: IncomingRing = {
      callerId,
      abandoned: abandon.signal,
      answer: async () => {
        if (abandon.signal.aborted) throw dialFailure({ code: 'aborted' });
        if (this.#state.phase !== 'ringing' || this.#abandon !== abandon) {
          throw dialFailure({ code: 'line-unavailable', state: this.#status.state });
        }
        return this.#place({ type: 'answer' });
      },
    };
    for (const observer of this.#observers) observer.ring(ring);
  }

  #newCall(): ModemCall {
    const signal = (digits: string) =>
      new Promise<void>((resolve) => {
        this.#signalled = resolve;
        this.#input({ type: 'signal', digits, heard: this.#position.heard });
      });
    const country = countries[this.#options.country];
    const heard = (what: LineHeard) => this.#input({ type: 'heard', what, ...this.#position });
    return new ModemCall({
      now: () => this.#deps.clock.now(),
      ear: new LineEar({ country, silenceSeconds: this.#options.silenceSeconds }, heard),
      flash: this.#modem?.profile.flash ? () => signal('!') : undefined,
      write: (bytes) => this.#device?.write(bytes),
      hangUp: () => this.#input({ type: 'hang-up' }),
      signal: this.#options.dtmf === 'vts' ? signal : undefined,
      codec: this.#codec,
      ...(this.#modem?.duplex === 'half' ? { halfDuplex: (sound) => this.#halfDuplex(sound) } : {}),
    });
  }

  #halfDuplex(sound: PathSound): SoundPath {
    const turn = (to: 'hear' | 'speak') => this.#input({ type: 'turn', to });
    return new HalfDuplexPath({ clock: this.#deps.clock, turn }, sound);
  }

  /** The modem, once it is known. */
  get #modem(): Modem | undefined {
    return 'modem' in this.#state ? this.#state.modem : undefined;
  }

  #finish(outcome: Outcome): void {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#signalled?.();
    this.#signalled = undefined;
    const call = this.#call;
    this.#call = undefined;
    if (outcome.type === 'ended') call?.finish(outcome.hangup);
    const fault: DialFault = outcome.type === 'failed' ? outcome.fault : { code: 'no-answer' };
    pending?.reject(dialFailure(fault));
  }
}
