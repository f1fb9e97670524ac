import type { Said } from '#pstn/cellular/says.ts';
import type { Script } from '#pstn/cellular/script.ts';
import type { AnswerSupervision, CallerId, DialFault, LineEvent, LineHangup, LineStatus, RingEnd } from '#pstn/line.ts';
import type { ProbeAnswers } from '#pstn/modem/profiles/choose.ts';
import type { CellularProfile, ModemProfile } from '#pstn/modem/profiles/schema.ts';

export interface MachineOptions {
  /** How long the whole of dialling and ringing may take, ms. */
  readonly dialTimeoutMs: number;
  /** Among which the module's own is chosen. */
  readonly profiles: readonly ModemProfile[];
  /** Taken without looking at what the module says. */
  readonly forced: ModemProfile | undefined;
}

/** A module that is known. */
export interface Module {
  readonly description: string;
  readonly profile: CellularProfile;
  /** Whether a network lets it in. */
  readonly isIn: boolean;
  readonly signalDbm: number | undefined;
}

/** What a call came to, told once the module is free again. */
export type Outcome =
  | { readonly type: 'failed'; readonly fault: DialFault }
  | { readonly type: 'ended'; readonly hangup: LineHangup };

export type State =
  | { readonly phase: 'stopped' }
  | { readonly phase: 'closed'; readonly attempts: number }
  | { readonly phase: 'opening'; readonly attempts: number }
  | { readonly phase: 'resynchronising'; readonly attempt: number; readonly script: Script | undefined }
  | Identifying
  | Initialising
  | Idle
  | Ringing
  | Placing
  | Talking
  | Leaving
  | { readonly phase: 'restarting'; readonly module: Module };

export interface Identifying {
  readonly phase: 'identifying';
  readonly script: Script;
  readonly asked: 'ati' | 'fmm';
  readonly answers: ProbeAnswers;
}

export interface Initialising {
  readonly phase: 'initialising';
  readonly script: Script;
  readonly module: Module;
  /** The last thing that was said of the SIM card, or the refusal to say it. */
  readonly card: string | undefined;
  /** A call was left behind by a program that was cut off. */
  readonly leftover: boolean;
}

export interface Idle {
  readonly phase: 'idle';
  readonly module: Module;
  /** A look whether the module still answers, how strong the signal is, and whether its settings are still there. */
  readonly poll: Script | undefined;
  /** Dialling that waits for the end of that look. */
  readonly dial: string | undefined;
}

export interface Ringing {
  readonly phase: 'ringing';
  readonly module: Module;
  readonly announced: boolean;
}

/** From dialling or answering until sound flows. */
export interface Placing {
  readonly phase: 'placing';
  readonly module: Module;
  readonly outgoing: boolean;
  /** `asking`: dialling or answering is not confirmed; `waiting`: for the far end; `sound`: for the sound of an answered call. */
  readonly stage: 'asking' | 'waiting' | 'sound';
  readonly script: Script;
  /** The call was seen in +CLCC, and whether in the look that is under way. */
  readonly seen: boolean;
  readonly listed: boolean;
  /** The line rang in the moment of dialling. */
  readonly rang: boolean;
  /** The far end answered while a command was in flight, whose answer is awaited first. */
  readonly answered: boolean;
}

export interface Talking {
  readonly phase: 'talking';
  readonly module: Module;
  /** The command in flight: sound is being switched on, a key pressed, or +CLCC asked. */
  readonly doing: 'sound' | 'key' | 'look' | undefined;
  /** Commands in a row that got no answer. */
  readonly unanswered: number;
  /** Keys still to be pressed behind the one in flight. */
  readonly keys: string;
  /** +CLCC has shown the call. */
  readonly listed: boolean;
  /** A second call was told of, so an end may be its. */
  readonly others: boolean;
  /** The module has to be restarted after the call. */
  readonly sick: boolean;
  readonly flow: Flow;
}

/** How the sound was when last looked at. Samples, and seconds. */
export interface Flow {
  readonly heard: number;
  readonly stillFor: number;
  readonly before: number;
  readonly seconds: number;
}

export interface Leaving {
  readonly phase: 'leaving';
  readonly module: Module;
  readonly script: Script;
  readonly outcome: Outcome;
  /** What +CEER says decides what the outcome is. */
  readonly askCause: boolean;
  /** A call is still listed. */
  readonly listed: boolean;
  readonly stop: boolean;
  readonly restart: boolean;
}

export type TimerName =
  | 'open'
  | 'command'
  | 'drain'
  | 'poll'
  | 'caller-id'
  | 'ring-gap'
  | 'dial'
  | 'look'
  | 'health'
  | 'watchdog'
  | 'restart';

export type Input =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  /** Both devices are open. */
  | { readonly type: 'opened' }
  /** A device could not be opened, or closed by itself. */
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'line'; readonly text: string }
  /** `heard`: samples of the call so far. */
  | { readonly type: 'timeout'; readonly timer: TimerName; readonly heard: number }
  | { readonly type: 'dial'; readonly digits: string }
  | { readonly type: 'answer' }
  | { readonly type: 'press'; readonly keys: string }
  /** The module takes no more sound. */
  | { readonly type: 'stalled' }
  /** Neither side has said anything for as long as is allowed. */
  | { readonly type: 'silence' }
  | { readonly type: 'hang-up' };

/** An input with the module's words understood. */
export type Event =
  | Exclude<Input, { readonly type: 'line' }>
  | { readonly type: 'said'; readonly said: Said; readonly line: string };

export type Effect =
  | { readonly type: 'open' }
  | { readonly type: 'close' }
  | { readonly type: 'stopped' }
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  | { readonly type: 'set-timer'; readonly timer: TimerName; readonly ms: number }
  | { readonly type: 'cancel-timer'; readonly timer: TimerName }
  | { readonly type: 'status'; readonly status: LineStatus }
  | { readonly type: 'ring'; readonly callerId: CallerId }
  | { readonly type: 'abandoned'; readonly why: RingEnd }
  /** The call is there, and sound flows from here on. */
  | { readonly type: 'connected'; readonly answer: AnswerSupervision }
  | { readonly type: 'line-event'; readonly event: LineEvent }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'pressed' }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn';
      readonly message: string;
      readonly text?: string;
    };

export interface Step {
  readonly state: State;
  readonly effects: readonly Effect[];
}
