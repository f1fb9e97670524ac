/**
 * One telephone line as the gateway sees it. A modem on a serial port stands behind it; the gateway never sees AT commands.
 * Sound is G.711 mu-law at 8000 samples a second, one byte a sample.
 */
export interface Line {
  readonly name: string;
  readonly status: LineStatus;
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

export type LineStatus =
  | { readonly state: 'absent'; readonly reason: string }
  | { readonly state: 'starting' }
  | { readonly state: 'idle'; readonly modem: string }
  | { readonly state: 'ringing'; readonly modem: string }
  | { readonly state: 'dialling'; readonly modem: string }
  | { readonly state: 'busy'; readonly modem: string };

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
  /** Aborts when the caller gives up before the answer. */
  readonly abandoned: AbortSignal;
  answer(): Promise<LineCall>;
}

export type DialFault =
  | { readonly code: 'line-unavailable'; readonly state: LineStatus['state'] }
  | { readonly code: 'no-dial-tone' }
  | { readonly code: 'busy' }
  | { readonly code: 'no-answer' }
  | { readonly code: 'aborted' }
  | { readonly code: 'modem'; readonly detail: string };

export type LineHangup = 'local' | 'busy-tone' | 'dial-tone' | 'loop-drop' | 'silence' | 'modem-lost';

/**
 * Exchanges sound with the line, which is the master clock: called with each piece read (mu-law bytes), it returns
 * exactly as many bytes to play. Must be quick (under 5 ms) and must not throw.
 */
export type SampleExchange = (heard: Uint8Array) => Uint8Array;

export interface LineCallStatistics {
  readonly bytesHeard: number;
  readonly bytesPlayed: number;
  readonly underruns: number;
  readonly overruns: number;
}

/** A call in progress, in full duplex. */
export interface LineCall {
  /** Starts the flow of sound. Until then silence is played. */
  connect(exchange: SampleExchange): void;
  /** DTMF digits detected on the line, once per key press. */
  onDigit(listener: (digit: string) => void): void;
  /** Sends DTMF digits (0-9 * # A-D) to the line, each about 100 ms. */
  sendDigits(digits: string): Promise<void>;
  hangUp(): Promise<void>;
  /** Resolves once the call is over and the modem is on hook again. Never rejects. */
  readonly ended: Promise<LineHangup>;
  readonly statistics: LineCallStatistics;
}
