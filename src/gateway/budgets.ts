import type { Denial } from '#gateway/dial-plan.ts';
import type { Clock, Timer } from '#platform/clock.ts';

/** undefined: no limit. */
interface BudgetLimits {
  readonly calls_per_hour: number | undefined;
  readonly minutes_per_day: number | undefined;
}

export interface BudgetOptions {
  readonly caller: BudgetLimits & { readonly calls_at_once: number };
  readonly total: BudgetLimits;
  /** Of all callers together, by the line's name. */
  readonly lines: ReadonlyMap<string, BudgetLimits>;
}

/** What one call to a line used up. */
export interface PastCall {
  readonly caller: string;
  readonly line: string;
  readonly startedAt: number;
  readonly answeredAt: number | undefined;
  readonly endedAt: number;
}

/** A call in progress, as far as budgets go. */
export interface Spending {
  /** The line that is being tried now. */
  over(line: string): void;
  answered(): void;
  /** Ends the counting; the second time it does nothing. */
  ended(): void;
}

interface Entry {
  readonly caller: string;
  line: string;
  readonly startedAt: number;
  answeredAt: number | undefined;
  endedAt: number | undefined;
  /** Undefined once over, and for calls of before. */
  readonly exhausted: ((why: string) => void) | undefined;
  isExhausted: boolean;
}

/** Calls that share one allowance. */
interface Scope {
  readonly limits: BudgetLimits;
  readonly what: string;
  readonly covers: (entry: Entry) => boolean;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * Counts attempts and minutes of calls to the lines within the last hour and day: of each caller, of each line and of the whole gateway.
 * Attempts count whether or not anybody answered, so that nobody can try numbers without end. A call in progress is ended when what
 * is left for it is used up; calls that share an allowance share what is left.
 */
export class Budgets {
  readonly #clock: Clock;
  readonly #options: BudgetOptions;
  #entries: Entry[] = [];
  #timer: Timer | undefined;

  constructor(deps: { readonly clock: Clock }, options: BudgetOptions) {
    this.#clock = deps.clock;
    this.#options = options;
  }

  /** Counts a call of before, in the order of their starts. */
  remember(call: PastCall): void {
    if (call.startedAt > this.#clock.now() - DAY_MS)
      this.#entries.push({ ...call, exhausted: undefined, isExhausted: true });
  }

  /** Why the caller may not begin a call over the line now; undefined when nothing is in the way. */
  refusal(caller: string, line: string): Denial | undefined {
    this.#forget();
    const { calls_at_once: atOnce } = this.#options.caller;
    const own = this.#entries.filter((entry) => entry.caller === caller && isLive(entry));
    if (own.length >= atOnce) {
      return {
        allowed: false,
        status: 403,
        phrase: 'Too Many Calls At Once',
        why: `the caller has ${own.length} calls already`,
      };
    }
    for (const scope of this.#scopes(caller, line)) {
      const denial = this.#exhausted(scope);
      if (denial) return denial;
    }
    return undefined;
  }

  /** Counts a call from its start. `exhausted` is called when its minutes are used up. */
  begin(caller: string, line: string, exhausted: (why: string) => void): Spending {
    const startedAt = this.#clock.now();
    const times = { startedAt, answeredAt: undefined, endedAt: undefined };
    const entry: Entry = { caller, line, ...times, exhausted, isExhausted: false };
    this.#entries.push(entry);
    return {
      over: (next) => {
        entry.line = next;
        this.#watch();
      },
      answered: () => {
        entry.answeredAt ??= this.#clock.now();
        this.#watch();
      },
      ended: () => {
        entry.endedAt ??= this.#clock.now();
        this.#watch();
      },
    };
  }

  usage(caller: string): { readonly callsLastHour: number; readonly minutesLastDay: number } {
    this.#forget();
    const covers = (entry: Entry) => entry.caller === caller;
    return { callsLastHour: this.#attempts(covers).length, minutesLastDay: this.#spentMs(covers) / MINUTE_MS };
  }

  #scopes(caller: string, line: string): readonly Scope[] {
    const { caller: limits, total, lines } = this.#options;
    const ofLine = lines.get(line);
    return [
      { limits, what: 'the caller', covers: (entry) => entry.caller === caller },
      { limits: total, what: 'the gateway', covers: () => true },
      ...(ofLine ? [{ limits: ofLine, what: 'the line', covers: (entry: Entry) => entry.line === line }] : []),
    ];
  }

  /**
   * A caller's own limit is 403: no other line or gateway is to be tried for it. A limit of the line or the gateway is 503, so that others
   * are tried, and says when it is worth asking again.
   */
  #exhausted({ limits, what, covers }: Scope): Denial | undefined {
    const { calls_per_hour: calls, minutes_per_day: minutes } = limits;
    const attempts = this.#attempts(covers);
    const now = this.#clock.now();
    const deny = (phrase: string, why: string, freeAt: number): Denial =>
      what === 'the caller'
        ? { allowed: false, status: 403, phrase, why }
        : {
            allowed: false,
            status: 503,
            phrase,
            why,
            retryAfterSeconds: Math.max(1, Math.ceil((freeAt - now) / 1000)),
          };
    if (calls !== undefined && attempts.length >= calls) {
      const freeAt = (attempts[attempts.length - calls]?.startedAt ?? now) + HOUR_MS;
      return deny('Call Limit Reached', `${what} had ${attempts.length} calls within the last hour`, freeAt);
    }
    const spent = this.#spentMs(covers);
    if (minutes !== undefined && spent >= minutes * MINUTE_MS) {
      const oldest = this.#entries.find((entry) => covers(entry) && entry.answeredAt !== undefined);
      const freeAt = (oldest?.startedAt ?? now) + DAY_MS;
      return deny('Time Limit Reached', `${what} used ${Math.floor(spent / MINUTE_MS)} minutes within a day`, freeAt);
    }
    return undefined;
  }

  #attempts(covers: Scope['covers']): readonly Entry[] {
    const since = this.#clock.now() - HOUR_MS;
    return this.#entries.filter((entry) => entry.startedAt > since && covers(entry));
  }

  #spentMs(covers: Scope['covers']): number {
    const now = this.#clock.now();
    let ms = 0;
    for (const entry of this.#entries) {
      if (entry.answeredAt === undefined || !covers(entry)) continue;
      ms += (entry.endedAt ?? now) - entry.answeredAt;
    }
    return ms;
  }

  #forget(): void {
    const since = this.#clock.now() - DAY_MS;
    this.#entries = this.#entries.filter((entry) => entry.startedAt > since || isLive(entry));
  }

  /** Ends answered calls whose allowance is used up, and looks again when that can next be so. */
  #watch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#forget();
    const talking = this.#entries.filter((entry) => entry.answeredAt !== undefined && isLive(entry));
    let soonest = Number.POSITIVE_INFINITY;
    for (const entry of talking) {
      const left = this.#left(entry);
      if (left.ms <= 0) exhaust(entry, left.why);
      else soonest = Math.min(soonest, left.ms);
    }
    // Rounded up, so that a call is not looked at a moment before its time; ended calls end their counting themselves.
    if (Number.isFinite(soonest)) this.#timer = this.#clock.after(Math.ceil(soonest), () => this.#watch());
  }

  /** How long a call can go on if those that share an allowance with it go on too. */
  #left(entry: Entry): { readonly ms: number; readonly why: string } {
    let least = { ms: Number.POSITIVE_INFINITY, why: '' };
    for (const { limits, what, covers } of this.#scopes(entry.caller, entry.line)) {
      if (limits.minutes_per_day === undefined) continue;
      const sharing = this.#entries.filter((other) => other.answeredAt !== undefined && isLive(other) && covers(other));
      const ms = (limits.minutes_per_day * MINUTE_MS - this.#spentMs(covers)) / Math.max(1, sharing.length);
      if (ms < least.ms) least = { ms, why: `the minutes of ${what} are used up` };
    }
    return least;
  }
}

/** Once: whoever is told ends the call, and that takes its time. */
function exhaust(entry: Entry, why: string): void {
  if (entry.isExhausted) return;
  entry.isExhausted = true;
  entry.exhausted?.(why);
}

function isLive({ exhausted, endedAt }: Entry): boolean {
  return exhausted !== undefined && endedAt === undefined;
}
