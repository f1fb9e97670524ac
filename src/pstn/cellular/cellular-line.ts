import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import { CellularCall } from '#pstn/cellular/cellular-call.ts';
import { initialState, moduleOf, step } from '#pstn/cellular/machine.ts';
import { ModulePorts } from '#pstn/cellular/module-ports.ts';
import type { Effect, Input, MachineOptions, Outcome, State, TimerName } from '#pstn/cellular/state.ts';
import type {
  AnswerSupervision,
  CallerId,
  IncomingRing,
  Line,
  LineCall,
  LineObserver,
  LineStatus,
  LineTraits,
} from '#pstn/line.ts';
import { dialFailure } from '#pstn/modem/dial-failure.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { ModemProfile } from '#pstn/modem/profiles/schema.ts';
import { ModemReader } from '#pstn/modem/reader.ts';
import { type OpenSerial, openSerialPort } from '#pstn/modem/serial-port.ts';

export interface CellularLineOptions {
  readonly name: string;
  /** The serial device that takes AT commands. */
  readonly path: string;
  /** The serial device for sound. */
  readonly audioPath: string;
  readonly baudRate?: number;
  /** Silence that ends a call, s. Not given: silence ends nothing. */
  readonly silenceSeconds?: number;
  /** How long dialling and ringing may take, ms. 90 s when not given. */
  readonly dialTimeoutMs?: number;
  /** Among which the module's own is chosen; the built-in ones when not given. */
  readonly profiles?: readonly ModemProfile[];
  /** Taken without looking at what the module says. */
  readonly profile?: ModemProfile;
}

export interface CellularLineDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** The serial ports of commands and of sound; the serialport package when not given. */
  readonly openPort?: OpenSerial;
  readonly openAudio?: OpenSerial;
}

interface Pending {
  readonly resolve: (call: LineCall) => void;
  readonly reject: (error: Error) => void;
}

const BAUD_RATE = 115_200;
/** A network takes the whole number at once, so there are no pauses in it. */
const DIALABLE = /^\+?[0-9*#]{1,32}$/;

/** A cellular module with a SIM card as a telephone line: the shell around the machine. */
export class CellularLine implements Line {
  readonly name: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #options: CellularLineOptions;
  readonly #machineOptions: MachineOptions;
  readonly #ports: ModulePorts;
  readonly #reader = new ModemReader();
  readonly #timers = new Map<TimerName, Timer>();
  readonly #observers: LineObserver[] = [];
  readonly #inputs: Input[] = [];
  readonly #waitingForStart: (() => void)[] = [];
  readonly #waitingForStop: (() => void)[] = [];
  #isStepping = false;
  #state: State = initialState;
  #status: LineStatus = { state: 'absent', reason: 'not started' };
  #call: CellularCall | undefined;
  #pending: Pending | undefined;
  #pressed: (() => void) | undefined;
  #abandon: AbortController | undefined;

  constructor(deps: CellularLineDeps, options: CellularLineOptions) {
    this.name = options.name;
    this.#clock = deps.clock;
    this.#log = deps.log.child('modem');
    this.#options = options;
    this.#machineOptions = {
      dialTimeoutMs: options.dialTimeoutMs ?? 90_000,
      profiles: options.profiles ?? builtInProfiles,
      forced: options.profile,
    };
    const { path, audioPath, baudRate = BAUD_RATE } = options;
    this.#ports = new ModulePorts(
      { openPort: deps.openPort ?? openSerialPort, openAudio: deps.openAudio ?? openSerialPort },
      { path, audioPath, baudRate },
      {
        opened: () => this.#input({ type: 'opened' }),
        lost: (reason) => this.#input({ type: 'lost', reason }),
        said: (bytes) => this.#receive(bytes),
        sound: (bytes) => {
          if (this.#state.phase === 'talking') this.#safely(() => this.#call?.hear(bytes));
        },
      },
    );
  }

  get status(): LineStatus {
    return this.#status;
  }

  get traits(): LineTraits | undefined {
    const module = moduleOf(this.#state);
    if (module === undefined) return undefined;
    const { profile, signalDbm } = module;
    return { profile: profile.name, duplex: 'full', ...(signalDbm === undefined ? {} : { signalDbm }) };
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
    if (!DIALABLE.test(digits)) {
      const detail = 'a mobile network takes 1 to 32 of 0-9 * #, with a + before them or not, and no pauses';
      throw dialFailure({ code: 'modem', detail });
    }
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
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
      const { state, effects } = step(this.#state, next, this.#machineOptions);
      if (state.phase !== this.#state.phase) this.#log.debug('phase', { line: this.name, phase: state.phase });
      this.#state = state;
      for (const effect of effects) this.#safely(() => this.#carryOut(effect));
    }
    this.#isStepping = false;
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
        this.#reader.reset();
        this.#ports.open();
        break;
      case 'close':
        this.#ports.close();
        break;
      case 'send':
        this.#ports.write(effect.bytes);
        break;
      case 'set-timer':
        this.#setTimer(effect.timer, effect.ms);
        break;
      case 'cancel-timer':
        this.#timers.get(effect.timer)?.cancel();
        this.#timers.delete(effect.timer);
        break;
      case 'log': {
        const text = effect.text === undefined ? {} : { text: printable(effect.text) };
        this.#log[effect.level](effect.message, { line: this.name, ...text });
        break;
      }
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
      case 'connected':
        this.#call = this.#newCall(effect.answer);
        this.#pending?.resolve(this.#call);
        this.#pending = undefined;
        break;
      case 'line-event':
        this.#call?.event(effect.event);
        break;
      case 'digit':
        this.#call?.digit(effect.digit);
        break;
      case 'pressed':
        this.#pressed?.();
        break;
      case 'outcome':
        this.#finish(effect.outcome);
        break;
      case 'stopped':
        for (const resolve of this.#waitingForStop.splice(0)) resolve();
    }
  }

  #setTimer(timer: TimerName, ms: number): void {
    this.#timers.get(timer)?.cancel();
    const expired = () => {
      this.#timers.delete(timer);
      this.#input({ type: 'timeout', timer, heard: this.#call?.statistics.bytesHeard ?? 0 });
    };
    this.#timers.set(timer, this.#clock.after(ms, expired));
  }

  #receive(bytes: Uint8Array): void {
    for (const item of this.#reader.push(bytes)) {
      if (item.type !== 'line') continue;
      // Which keys are pressed may be a PIN: that stands in no log.
      const keys = moduleOf(this.#state)?.profile.keys?.report;
      const isKey = keys !== undefined && item.text.startsWith(keys);
      this.#log.debug('module says', { line: this.name, text: isKey ? `${keys}: (a key)` : printable(item.text) });
      this.#input(item);
    }
  }

  #setStatus(status: LineStatus): void {
    const isSame = JSON.stringify(status) === JSON.stringify(this.#status);
    this.#status = status;
    if (!isSame) for (const observer of this.#observers) this.#safely(() => observer.status(status));
    const isSettled = status.state === 'idle' || status.state === 'absent';
    if (isSettled) for (const resolve of this.#waitingForStart.splice(0)) resolve();
  }

  #ring(callerId: CallerId): void {
    const abandon = new AbortController();
    this.#abandon = abandon;
    const ring: IncomingRing = {
      callerId,
      abandoned: abandon.signal,
      answer: async () => {
        if (abandon.signal.aborted) throw dialFailure({ code: 'aborted' });
        if (this.#state.phase !== 'ringing' || this.#abandon !== abandon || this.#pending) {
          throw dialFailure({ code: 'line-unavailable', state: this.#status.state });
        }
        return this.#place({ type: 'answer' });
      },
    };
    for (const observer of this.#observers) this.#safely(() => observer.ring(ring));
  }

  #newCall(answer: AnswerSupervision): CellularCall {
    return new CellularCall({
      answer,
      silenceSeconds: this.#options.silenceSeconds,
      write: (bytes) => this.#ports.play(bytes),
      unwritten: () => this.#ports.unwritten,
      stalled: () => this.#input({ type: 'stalled' }),
      silent: () => this.#input({ type: 'silence' }),
      hangUp: () => this.#input({ type: 'hang-up' }),
      press: (keys) =>
        new Promise((resolve) => {
          this.#pressed = resolve;
          this.#input({ type: 'press', keys });
        }),
    });
  }

  #finish(outcome: Outcome): void {
    const [pending, call] = [this.#pending, this.#call];
    this.#pending = undefined;
    this.#call = undefined;
    if (outcome.type === 'ended') call?.finish(outcome.hangup);
    this.#pressed?.();
    this.#pressed = undefined;
    pending?.reject(dialFailure(outcome.type === 'failed' ? outcome.fault : { code: 'no-answer' }));
  }
}
