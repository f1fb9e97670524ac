/** Base values in milliseconds (RFC 3261 §17.1.1.1, table 4). */
export interface TimerValues {
  /** Estimate of the round-trip time. */
  readonly t1: number;
  /** Longest interval between retransmissions of anything but an INVITE. */
  readonly t2: number;
  /** Longest time a message stays in the network. */
  readonly t4: number;
  /** How long an INVITE client keeps answering retransmitted final responses over UDP; at least 32 s. */
  readonly d: number;
  /** When a server answers an INVITE by 100 on its own. */
  readonly trying: number;
}

export const DEFAULT_TIMERS: TimerValues = { t1: 500, t2: 4000, t4: 5000, d: 32_000, trying: 200 };

export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M' | 'trying';

/** What all four machines know about their surroundings. */
export interface MachineSettings {
  readonly timers: TimerValues;
  /** Whether the transport delivers by itself: no retransmissions then, and D, I, J, K are 0. */
  readonly reliable: boolean;
}
