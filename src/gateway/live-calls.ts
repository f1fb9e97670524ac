import type { EventHub } from '#gateway/events.ts';
import type { Clock } from '#platform/clock.ts';

export interface CallInfo {
  readonly direction: 'to-line' | 'from-line';
  readonly caller: string;
  readonly callerName: string | undefined;
  readonly callee: string;
  /** The line's name; undefined until one is chosen. */
  readonly line: string | undefined;
}

export type CallState = 'dialling' | 'ringing' | 'answered' | 'ended' | 'refused' | 'missed';

/** One call over the line, from its first sign to its end. */
export class LiveCall {
  readonly id: number;
  readonly info: CallInfo;
  readonly startedAt: number;
  /** Aborts when somebody asks to hang up, or the process stops. */
  readonly hangUp = new AbortController();
  state: CallState;
  answeredAt: number | undefined;
  /** The line it goes over; changes while lines are tried. */
  line: string | undefined;
  readonly #deps: { readonly clock: Clock; readonly events: EventHub };

  constructor(
    deps: { readonly clock: Clock; readonly events: EventHub },
    id: number,
    info: CallInfo & { readonly state: CallState },
  ) {
    this.#deps = deps;
    this.id = id;
    this.info = info;
    this.state = info.state;
    this.line = info.line;
    this.startedAt = deps.clock.now();
  }

  tell(state: CallState, reason?: string): void {
    this.state = state;
    if (state === 'answered') this.answeredAt = this.#deps.clock.now();
    const { direction, caller, callerName, callee } = this.info;
    this.#deps.events.emit({
      event: 'call',
      id: this.id,
      direction,
      state,
      caller,
      callerName,
      callee,
      line: this.line,
      reason,
    });
  }

  digit(from: 'line' | 'phone', digit: string): void {
    this.#deps.events.emit({ event: 'digit', id: this.id, from, digit });
  }
}

/** The calls in progress. */
export class LiveCalls {
  readonly #deps: { readonly clock: Clock; readonly events: EventHub };
  readonly #calls = new Map<LiveCall, Promise<void>>();
  #next = 1;

  constructor(deps: { readonly clock: Clock; readonly events: EventHub }) {
    this.#deps = deps;
  }

  get list(): readonly LiveCall[] {
    return Array.from(this.#calls.keys());
  }

  /** Runs a scenario as a call that is listed until it is over. */
  async run(info: CallInfo, state: CallState, scenario: (call: LiveCall) => Promise<void>): Promise<void> {
    const call = new LiveCall(this.#deps, this.#next++, { ...info, state });
    call.tell(state);
    const running = scenario(call);
    this.#calls.set(
      call,
      running.catch(() => {}),
    );
    try {
      await running;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** Ends every call and resolves when they are over. */
  async hangUpAll(reason: string): Promise<void> {
    for (const call of this.#calls.keys()) call.hangUp.abort(new Error(reason));
    await Promise.all(this.#calls.values());
  }
}
