import type { CountryCode } from '#platform/country-code.ts';
import type { CallerIdBlock } from '#pstn/caller-id.ts';
import type {
  AnswerSupervision,
  CallerId,
  DialFault,
  LineEvent,
  LineHangup,
  LineStatus,
  RingEnd,
  Telephone,
} from '#pstn/line.ts';
import type { ProbeAnswers } from '#pstn/modem/profiles/choose.ts';
import type { ModemProfile, VoiceProfile } from '#pstn/modem/profiles/schema.ts';
import type { ChosenMethod, VoiceMethod } from '#pstn/modem/voice-methods.ts';
import type { LineHeard } from '#pstn/supervision/line-ear.ts';

export interface MachineOptions {
  readonly country: CountryCode;
  /** How long the whole of dialling and ringing may take, ms. */
  readonly dialTimeoutMs: number;
  /** Silence on the line that ends a call, s; undefined leaves silence alone. */
  readonly silenceSeconds: number | undefined;
  /** Among which the modem's own is chosen. */
  readonly profiles: readonly ModemProfile[];
  /** Taken without looking at what the modem says. */
  readonly forced: ModemProfile | undefined;
  /** What the link carries each way, bytes a second. */
  readonly linkBytesPerSecond: number;
}

/** What the modem said of itself. */
export interface ModemIdentity {
  /** Answers to ATI, ATI3, +FMI? and +FMM?, joined for logs and status. */
  readonly description: string;
  readonly methods: readonly VoiceMethod[];
  readonly answers: ProbeAnswers;
}

/** A modem that can do what a call needs. */
export interface Modem {
  readonly description: string;
  readonly profile: VoiceProfile;
  /** Which of the profile's codes that leave +VTR is tried first: the one that worked before. */
  readonly firstExit: 0 | 1;
  readonly method: ChosenMethod;
  readonly duplex: 'full' | 'half';
  /** Which way sound goes in the stream that was entered last. */
  readonly way: 'both' | 'hear' | 'speak';
  /** The telephones beside it that are off hook, the one lifted last at the end. */
  readonly lifted: readonly Telephone[];
}

export interface Command {
  readonly text: string;
  readonly ms: number;
  /** An ERROR does not matter. */
  readonly optional: boolean;
  /** CONNECT starts a stream: of sound with codes between, or of nothing but codes from the modem (+VTX). */
  readonly stream: 'none' | 'sound' | 'codes';
}

/** Commands still to run; the first is in flight. */
export interface Script {
  readonly commands: readonly Command[];
  /** Commands in a row that got no answer. */
  readonly unanswered: number;
}

/** Which key is held on the line, by the modem's reports. */
export interface HeldKey {
  readonly digit: string | undefined;
  /** Bytes of sound heard when it was last reported. */
  readonly at: number;
}

/** What a call came to, told once the modem is on hook again. */
export type Outcome =
  | { readonly type: 'failed'; readonly fault: DialFault }
  | { readonly type: 'ended'; readonly hangup: LineHangup };

export type State =
  | { readonly phase: 'stopped' }
  | { readonly phase: 'closed'; readonly attempts: number }
  | { readonly phase: 'opening'; readonly attempts: number }
  | { readonly phase: 'resynchronising'; readonly attempt: number; readonly probe: Script | undefined }
  | { readonly phase: 'identifying'; readonly script: Script; readonly identity: ModemIdentity }
  | { readonly phase: 'initialising'; readonly script: Script; readonly modem: Modem }
  | Idle
  | Ringing
  | Snooping
  | { readonly phase: 'answering'; readonly modem: Modem; readonly script: Script }
  | Dialling
  | Listening
  | Talking
  | Signalling
  | Turning
  | Leaving
  | { readonly phase: 'stopping'; readonly script: Script };

export interface Idle {
  readonly phase: 'idle';
  readonly modem: Modem;
  /** Caller ID that came before the first RING. */
  readonly block: CallerIdBlock;
  /** A look whether the modem still answers. */
  readonly check: Script | undefined;
  /** Dialling that waits for the end of that look. */
  readonly dial: string | undefined;
}

/** Rings, and its sound is listened to for the caller ID that the modem does not tell. */
/** The line rings: at first until the caller ID is known, or the second ring, then until somebody answers or nobody calls any more. */
export interface Ringing {
  readonly phase: 'ringing';
  readonly modem: Modem;
  readonly block: CallerIdBlock;
  readonly announced: boolean;
  /** Bursts that may follow within the first ring: some countries ring twice and then pause. */
  readonly burstsLeft: number;
}

export interface Snooping {
  readonly phase: 'snooping';
  readonly modem: Modem;
  readonly stage: 'entering' | 'listening' | 'leaving' | 'commands';
  readonly script: Script;
  readonly block: CallerIdBlock;
  /** Nothing more is expected: out as soon as may be. */
  readonly over: boolean;
  /** As in `Ringing`. */
  readonly burstsLeft: number;
}

export interface Dialling {
  readonly phase: 'dialling';
  readonly modem: Modem;
  readonly script: Script;
  readonly answered: boolean;
  /** The exchange reversed the wires meanwhile. */
  readonly reversed: boolean;
  /** What we dial ourselves once there is sound; undefined: the modem dials. */
  readonly own: string | undefined;
}

export interface Listening {
  readonly phase: 'listening';
  readonly modem: Modem;
  readonly flow: Flow;
  /** Ringing tone was heard. */
  readonly rang: boolean;
  /** What is to be dialled as soon as dial tone is heard. */
  readonly dial: string | undefined;
  /** Bytes of sound up to which our own digits may come back as an echo, which sounds like a voice. */
  readonly deafUntil: number;
}

export interface Talking {
  readonly phase: 'talking';
  readonly modem: Modem;
  readonly flow: Flow;
  readonly key: HeldKey;
  readonly watch: CallWatch;
}

/** What is known of a call's end so far. Times in bytes of sound heard. */
export interface CallWatch {
  /** Whether this side dialled. */
  readonly outgoing: boolean;
  /** The wires are reversed, as some exchanges have it from the answer to the end. */
  readonly reversed: boolean;
  /** An end that the modem reported while a voice was heard. */
  readonly doubt: LineHangup | undefined;
  /** When such reports came, the newest last. */
  readonly doubted: readonly number[];
  /** When the voltage of the line dropped. */
  readonly droppedAt: number | undefined;
  /** When a second call was last told of. */
  readonly waitingAt: number | undefined;
  /** When the loop was last interrupted on purpose. */
  readonly flashedAt: number | undefined;
}

/** Where a call stands when something comes in. */
export interface CallPosition {
  /** Bytes of sound heard so far. */
  readonly heard: number;
  /** Milliseconds since a voice came from the line; Infinity when none did. */
  readonly quietFor: number;
}

/** How the sound was when last looked at. */
export interface Flow {
  readonly heard: number;
  readonly stillFor: number;
}

/** DTMF by +VTS: out of the stream, the command, into the stream again. */
export interface Signalling {
  readonly phase: 'signalling';
  readonly modem: Modem;
  readonly stage: 'stream' | 'result' | 'commands';
  /** The second of the codes that leave the stream was sent. */
  readonly nudged: boolean;
  readonly digits: string;
  readonly script: Script;
  readonly watch: CallWatch;
}

/** Half duplex changes direction: out of one stream, into the other. */
export interface Turning {
  readonly phase: 'turning';
  readonly modem: Modem;
  readonly to: 'hear' | 'speak';
  readonly stage: 'stream' | 'result' | 'commands';
  readonly script: Script;
  readonly key: HeldKey;
  readonly watch: CallWatch;
  /** Reports that came meanwhile, for the call to hear of once it goes on. */
  readonly late: readonly Extract<Input, { readonly type: 'code' }>[];
}

export interface Leaving {
  readonly phase: 'leaving';
  readonly modem: Modem;
  /** `stream`: the end of the sound is awaited; `result`: the result code behind it; then the commands run. */
  readonly stage: 'stream' | 'result' | 'commands';
  readonly nudged: boolean;
  readonly script: Script;
  readonly outcome: Outcome;
  readonly stop: boolean;
}

export type TimerName =
  | 'open'
  | 'command'
  | 'drain'
  | 'check'
  | 'caller-id'
  | 'ring-gap'
  | 'dial'
  | 'answer-inferred'
  | 'doubt'
  | 'watchdog';

export type Input =
  | { readonly type: 'start' }
  | { readonly type: 'stop' }
  | { readonly type: 'opened' }
  /** The port could not be opened, or closed by itself. */
  | { readonly type: 'lost'; readonly reason: string }
  | { readonly type: 'line'; readonly text: string }
  | ({ readonly type: 'code'; readonly code: string } & CallPosition)
  /** Our own ear heard something in the sound of the call. */
  | ({ readonly type: 'heard'; readonly what: LineHeard } & CallPosition)
  /** `textBytes` counts what came since lines are read, readable or not. */
  | ({ readonly type: 'timeout'; readonly timer: TimerName; readonly textBytes: number } & CallPosition)
  | { readonly type: 'dial'; readonly digits: string }
  /** Found in the sound between two rings. */
  | { readonly type: 'caller-id'; readonly block: CallerIdBlock }
  | { readonly type: 'answer' }
  /** Digits by +VTS, or `!` for a flash. */
  | { readonly type: 'signal'; readonly digits: string; readonly heard: number }
  /** In half duplex: who may speak now. */
  | { readonly type: 'turn'; readonly to: 'hear' | 'speak' }
  | { readonly type: 'hang-up' };

export type Effect =
  | { readonly type: 'open' }
  | { readonly type: 'close' }
  | { readonly type: 'stopped' }
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** Whatever was being read, lines follow now. */
  | { readonly type: 'read-lines' }
  | { readonly type: 'expect-stream' }
  | { readonly type: 'set-timer'; readonly timer: TimerName; readonly ms: number }
  | { readonly type: 'cancel-timer'; readonly timer: TimerName }
  | { readonly type: 'status'; readonly status: LineStatus }
  | { readonly type: 'ring'; readonly callerId: CallerId }
  | { readonly type: 'abandoned'; readonly why: RingEnd }
  /** Sound flows from here on. */
  | { readonly type: 'stream' }
  /** The far end answered, or the ring was answered. */
  | { readonly type: 'connected'; readonly answer: AnswerSupervision }
  | { readonly type: 'line-event'; readonly event: LineEvent }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'digit'; readonly digit: string }
  | { readonly type: 'signalled' }
  /** Plays the digits of a number to the line, `,` for a pause of 2 s. */
  | { readonly type: 'dial-tones'; readonly digits: string }
  | { readonly type: 'count'; readonly what: 'underrun' | 'overrun' }
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
