import type { Ending } from '#gateway/call-end.ts';
import type { EventHub } from '#gateway/events.ts';
import type { Clock } from '#platform/clock.ts';
import type { AnswerSupervision, CallerId, LineCall, Telephone } from '#pstn/line.ts';

export interface CallInfo {
  readonly direction: 'to-line' | 'from-line';
  readonly caller: string;
  readonly callerName: string | undefined;
  readonly callee: string;
  /** A call to an emergency number, or to one that is treated as such. */
  readonly emergency?: boolean;
  /** The line's name; undefined until one is chosen. */
  readonly line: string | undefined;
}

export type CallState = 'dialling' | 'ringing' | 'answered' | 'ended' | 'refused' | 'missed' | 'blocked';

/** One call over the line, from its first sign to its end. */
export class LiveCall {
  readonly id: number;
  info: CallInfo;
  readonly startedAt: number;
  /** Aborts when somebody asks to hang up, or the process stops. */
  readonly hangUp = new AbortController();
  state: CallState;
  answeredAt: number | undefined;
  /** How the answer became known. */
  answer: AnswerSupervision | undefined;
  /** Sound goes one way at a time; known from the answer on. */
  halfDuplex = false;
  /** The line it goes over; changes while lines are tried. */
  line: string | undefined;
  readonly #deps: { readonly clock: Clock; readonly events: EventHub };

  constructor(
    deps: { readonly clock: Clock; readonly events: EventHub },
    id: number,
    { state, ...info }: CallInfo & { readonly state: CallState },
  ) {
    this.#deps = deps;
    this.id = id;
    this.info = info;
    this.state = state;
    this.line = info.line;
    this.startedAt = deps.clock.now();
  }

  /** Who calls whom has become known better; told anew. */
  redirect(change: Partial<Pick<CallInfo, 'caller' | 'callerName' | 'callee' | 'emergency'>>): void {
    this.info = { ...this.info, ...change };
    this.tell(this.state);
  }

  /** `none` before the answer; on an analog line an outgoing answer is often inferred. */
  get answerKind(): 'none' | AnswerSupervision['kind'] {
    return this.answer?.kind ?? 'none';
  }

  tell(state: CallState, ending?: Ending): void {
    this.state = state;
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
      reason: ending?.end,
      cause: ending?.cause,
      outcome: ending?.outcome,
      answer: this.answerKind,
    });
  }

  answered({ answer, halfDuplex }: Pick<LineCall, 'answer' | 'halfDuplex'>): void {
    this.answeredAt = this.#deps.clock.now();
    this.answer = answer;
    this.halfDuplex = halfDuplex ?? false;
    this.tell('answered');
  }

  digit(from: 'line' | 'phone', digit: string): void {
    this.#deps.events.emit({ event: 'digit', id: this.id, from, digit });
  }

  /** Somebody calls for help over a line. */
  emergency(isTest: boolean): void {
    const { caller, callee } = this.info;
    this.#deps.events.emit({ event: 'emergency', id: this.id, caller, callee, line: this.line, isTest });
  }

  callWaiting(callerId: CallerId | undefined): void {
    // Whatever came beside the mark of a withheld number goes no further (RFC 3323 §4.2).
    const shown = callerId?.presentation === 'withheld' ? undefined : callerId;
    const caller = shown?.number ?? callerId?.presentation;
    this.#deps.events.emit({ event: 'call-waiting', id: this.id, caller, callerName: shown?.name });
  }

  telephone(by: Telephone, offHook: boolean): void {
    this.#deps.events.emit({ event: 'telephone', id: this.id, by, offHook });
  }

  /** `done` is false when the modem can't. */
  flash(done: boolean): void {
    this.#deps.events.emit({ event: 'flash', id: this.id, done });
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

  /** Tells all calls to end but emergency calls, which only those who talk end. */
  hangUpOrdinary(reason: string): void {
    for (const { info, hangUp } of this.#calls.keys()) {
      if (info.emergency !== true) hangUp.abort(new Error(reason));
    }
  }

  /** Ends every call and resolves when they are over. */
  async hangUpAll(reason: string): Promise<void> {
    for (const call of this.#calls.keys()) call.hangUp.abort(new Error(reason));
    await Promise.all(this.#calls.values());
  }
}
