import type { TimerName } from '#sip/transaction/timers.ts';

/** What a machine makes of one input. */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** What happens to a client transaction. */
export type ClientInput =
  | { readonly type: 'start' }
  | { readonly type: 'response'; readonly status: number }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'transport-error' };

/** What a client transaction wants done, in order. `pass` hands the response at hand to the transaction user. */
export type ClientEffect =
  | { readonly do: 'send' }
  | { readonly do: 'acknowledge' }
  | { readonly do: 'pass' }
  | { readonly do: 'fail'; readonly cause: 'timeout' | 'transport' }
  | { readonly do: 'start'; readonly timer: TimerName; readonly ms: number }
  | { readonly do: 'stop'; readonly timer: TimerName }
  | { readonly do: 'end' };

/** What happens to a server transaction. `request` is the first one or a retransmission of it; `respond` comes from the user. */
export type ServerInput =
  | { readonly type: 'request' }
  | { readonly type: 'ack' }
  | { readonly type: 'respond'; readonly status: number }
  | { readonly type: 'timer'; readonly timer: TimerName }
  | { readonly type: 'transport-error' };

/** What a server transaction wants done, in order. `send` sends the latest response. */
export type ServerEffect =
  | { readonly do: 'pass' }
  | { readonly do: 'pass-ack' }
  | { readonly do: 'send' }
  | { readonly do: 'send-trying' }
  | { readonly do: 'fail'; readonly cause: 'timeout' | 'transport' }
  | { readonly do: 'start'; readonly timer: TimerName; readonly ms: number }
  | { readonly do: 'stop'; readonly timer: TimerName }
  | { readonly do: 'end' };
