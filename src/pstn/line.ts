/**
 * One telephone line as the gateway sees it. A modem on a serial port stands behind it; the gateway never sees AT commands.
 * Sound is G.711 mu-law at 8000 samples a second, one byte a sample.
 */
export interface Line {
  readonly name: string;
  readonly status: LineStatus;
  /** What the device behind the line can do; undefined until it has said so. */
  readonly traits: LineTraits | undefined;
  /** Told of every change of `status`, and of rings. */
  observe(observer: LineObserver): void;
  /** Opens the device and keeps it open: resolves once the first attempt succeeded or failed; later attempts go on by themselves. */
  start(): Promise<void>;
  /** Hangs up, restores the modem and closes the device. */
  stop(): Promise<void>;
  /**
   * Dials and resolves when the far end answered, as far as an analog line can tell.
   * Rejects with `Failure<DialFault>`; aborting `signal` hangs up.
   */
  dial(digits: string, signal: AbortSignal): Promise<LineCall>;
}

export interface LineTraits {
  /** The name of the modem profile that was chosen. */
  readonly profile: string;
  /** `half`: one direction at a time, by turns that follow the voices. */
  readonly duplex: 'full' | 'half';
  /** Of a cellular module, dBm. */
  readonly signalDbm?: number;
}

export type LineStatus =
  | { readonly state: 'absent'; readonly reason: string }
  | { readonly state: 'starting' }
  | { readonly state: 'idle'; readonly modem: string }
  | { readonly state: 'ringing'; readonly modem: string }
  | { readonly state: 'dialling'; readonly modem: string }
  | { readonly state: 'busy'; readonly modem: string }
  /** Somebody uses a telephone on the same line. */
  | { readonly state: 'in-use'; readonly modem: string; readonly by: Telephone };

/** A telephone beside the modem: in its own socket, or elsewhere on the same pair. */
export type Telephone = 'handset' | 'extension';

export interface LineObserver {
  status(status: LineStatus): void;
  /** The line rings. Called once per call, as soon as the caller ID is known or the wait for it is over. */
  ring(ring: IncomingRing): void;
}

export interface CallerId {
  /** undefined when withheld or unavailable; `presentation` says which. */
  readonly number: string | undefined;
  readonly name: string | undefined;
  readonly presentation: 'available' | 'withheld' | 'unavailable';
}

export interface IncomingRing {
  readonly callerId: CallerId;
  /** Aborts when the ringing ends without `answer`; the reason is a `RingEnd`. */
  readonly abandoned: AbortSignal;
  answer(): Promise<LineCall>;
}

/** Why a ring was over before this program answered. */
export type RingEnd = 'caller-gave-up' | 'answered-elsewhere' | 'modem-lost';

export type DialFault =
  | { readonly code: 'line-unavailable'; readonly state: LineStatus['state'] }
  | { readonly code: 'no-dial-tone' }
  | { readonly code: 'busy' }
  /** Congestion tone (ITU-T E.180 §7). */
  | { readonly code: 'congestion' }
  /** Special information tone (ITU-T E.180 §8): the number does not exist or is out of service, as the words behind the tone say. */
  | { readonly code: 'special-information' }
  | { readonly code: 'no-answer' }
  /** The line rang in the moment of dialling; the ring follows. */
  | { readonly code: 'glare' }
  | { readonly code: 'aborted' }
  | { readonly code: 'modem'; readonly detail: string };

/** What ended a call on the line. */
export type LineHangup =
  | 'local'
  | 'busy-tone'
  | 'congestion-tone'
  | 'dial-tone'
  | 'special-information'
  | 'loop-drop'
  | 'polarity-reversal'
  /** A cellular network said so. */
  | 'far-end'
  | 'silence'
  | 'modem-lost';

/**
 * How the answer of the far end became known. An analog line says it by reversing polarity or not at all: what the modem or this program
 * concludes from ringback and voices is inferred, and can be wrong.
 */
export type AnswerSupervision =
  | { readonly kind: 'real'; readonly by: 'polarity' | 'cellular' | 'own-answer' }
  | { readonly kind: 'inferred'; readonly by: 'modem' | 'ringback-gone' | 'no-ringback' | 'voice' };

export type LineEvent =
  /** A second call waits (the exchange's tone, and its caller ID where there is one). */
  | { readonly type: 'call-waiting'; readonly callerId: CallerId | undefined }
  /** A telephone on the same line was lifted or put down during the call. */
  | { readonly type: 'telephone'; readonly by: Telephone; readonly offHook: boolean }
  /** A fax machine sends its calling tone (CNG) or its answer tone (CED). */
  | { readonly type: 'fax'; readonly tone: 'calling' | 'answer' };

/**
 * Exchanges sound with the line, which is the master clock: called with each piece read (mu-law bytes), it returns
 * as many bytes to play. Where the line is `spare` bytes later than it need be, it may leave up to so many out, and so give the
 * delay back; not everybody has to. Must be quick (under 5 ms) and must not throw.
 */
export type SampleExchange = (heard: Uint8Array, spare: number) => Uint8Array;

export interface LineCallStatistics {
  readonly bytesHeard: number;
  readonly bytesPlayed: number;
  readonly underruns: number;
  readonly overruns: number;
  /** Of the delay that hesitations added, what was taken back. */
  readonly givenBackMs: number;
}

/** A call in progress. */
export interface LineCall {
  readonly answer: AnswerSupervision;
  /** Sound goes one way at a time, by turns; not there in full duplex. */
  readonly halfDuplex?: boolean;
  /** Starts the flow of sound. Until then silence is played. Called again it takes the place of the former exchange. */
  connect(exchange: SampleExchange): void;
  /** DTMF digits detected on the line, once per key press. */
  onDigit(listener: (digit: string) => void): void;
  onEvent(listener: (event: LineEvent) => void): void;
  /** Sends DTMF digits (0-9 * # A-D) to the line, each about 100 ms. */
  sendDigits(digits: string): Promise<void>;
  /** Hook flash: interrupts the loop for a moment, as the exchange's services want it. Rejects with `Failure<DialFault>` where the modem can't. */
  flash(): Promise<void>;
  hangUp(): Promise<void>;
  /** Resolves once the call is over and the modem is on hook again. Never rejects. */
  readonly ended: Promise<LineHangup>;
  readonly statistics: LineCallStatistics;
}
