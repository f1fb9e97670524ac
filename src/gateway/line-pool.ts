import type { Denial, Diallable } from '#gateway/dial-plan.ts';
import type { LineDesk, LineQuestion } from '#gateway/line-desk.ts';
import type { ServedPrefix } from '#reload/usages/pstn-gateway/gateway-publisher.ts';

/** What the lines say to a call. */
export type LineChoice =
  /** No line serves the number. */
  | { readonly kind: 'none' }
  | { readonly kind: 'refused'; readonly decision: Denial }
  /** Lines that the caller may use for it, but none is free. */
  | { readonly kind: 'busy' }
  /** Free lines, the one to try first in front. */
  | { readonly kind: 'free'; readonly desks: readonly [LineDesk, ...LineDesk[]] }
  /** For an emergency: all lines that may carry it, busy ones too. */
  | { readonly kind: 'emergency'; readonly desks: readonly LineDesk[] };

/** The lines of this gateway. A call goes over the best one that is free; the next ones stand by. */
export class LinePool {
  readonly desks: readonly LineDesk[];
  /** Emergency calls that wait for a line. */
  #urgent = 0;

  /** `desks` in the order of the configuration. */
  constructor(desks: readonly LineDesk[]) {
    this.desks = desks;
  }

  /** Whether any modem is there. */
  get isPresent(): boolean {
    return this.desks.some((desk) => desk.isPresent);
  }

  get freeLines(): number {
    return this.desks.filter((desk) => desk.isFree).length;
  }

  /**
   * Lines that serve a number in hunting order: the longest served prefix first, as callers search the overlay, then the lower priority,
   * the lower cost, and the order of the configuration.
   */
  hunt(dialled: Diallable): readonly LineDesk[] {
    const rank = (desk: LineDesk) => [-desk.fit(dialled), desk.config.priority, desk.config.cost];
    return this.desks
      .filter((desk) => desk.serves(dialled))
      .map((desk) => ({ desk, rank: rank(desk) }))
      .sort((a, b) => compare(a.rank, b.rank))
      .map(({ desk }) => desk);
  }

  choose(question: LineQuestion): LineChoice {
    const { dialled } = question;
    let refusal: Denial | undefined;
    const allowed = this.hunt(dialled).filter((desk) => {
      const decision = desk.judge(question);
      if (!decision.allowed) refusal ??= decision;
      return decision.allowed;
    });
    if (dialled.kind === 'emergency' && allowed.length > 0) return { kind: 'emergency', desks: allowed };
    const [first, ...others] = this.#urgent > 0 ? [] : allowed.filter((desk) => desk.isFree);
    if (first) return { kind: 'free', desks: [first, ...others] };
    if (allowed.length > 0) return { kind: 'busy' };
    return refusal ? { kind: 'refused', decision: refusal } : { kind: 'none' };
  }

  /** While it works, no line goes to an ordinary call. */
  async urgently<T>(work: () => Promise<T>): Promise<T> {
    this.#urgent++;
    try {
      return await work();
    } finally {
      this.#urgent--;
    }
  }

  /** What the lines whose modems are there serve together, each prefix with the best of their preferences. */
  get prefixes(): readonly ServedPrefix[] {
    const best = new Map<string, ServedPrefix>();
    for (const { config } of this.desks.filter((desk) => desk.isPresent)) {
      const { serves, priority, cost } = config;
      for (const prefix of serves) {
        const digits = prefix.slice(1);
        const known = best.get(digits);
        if (!known || compare([priority, cost], [known.priority, known.cost]) < 0) {
          best.set(digits, { digits, priority, cost });
        }
      }
    }
    return [...best.values()];
  }
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const difference = value - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
