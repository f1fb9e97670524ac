import type { CallRecord } from '#gateway/call-record.ts';
import type { Usage } from '#gateway/dial-plan.ts';
import { toHex, utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { Random } from '#platform/random.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Spent {
  readonly caller: string;
  readonly at: number;
  minutes: number;
}

/** Keeps call records, one write a call, and counts what each caller used of the line, across restarts. */
export class CallRecords {
  readonly #deps: { readonly clock: Clock; readonly random: Random; readonly records: KeyValueNamespace };
  readonly #limit: number;
  #spent: Spent[] = [];
  #kept = 0;

  constructor(
    deps: { readonly clock: Clock; readonly random: Random; readonly records: KeyValueNamespace },
    limit: number,
  ) {
    this.#deps = deps;
    this.#limit = limit;
  }

  /** Reads the last day's calls, so that a restart does not renew anyone's allowance. */
  load(): void {
    this.#kept = Array.from(this.#deps.records.keys('')).length;
    const since = this.#deps.clock.now() - DAY_MS;
    for (const record of this.#read(keyOf(since))) {
      if (record.direction !== 'to-line') continue;
      this.#spent.push({ caller: record.caller, at: record.startedAt, minutes: minutesOf(record) });
    }
  }

  usage(caller: string): Usage {
    const now = this.#deps.clock.now();
    this.#spent = this.#spent.filter(({ at }) => at > now - DAY_MS);
    const own = this.#spent.filter((spent) => spent.caller === caller);
    return {
      callsLastHour: own.filter(({ at }) => at > now - HOUR_MS).length,
      minutesLastDay: own.reduce((sum, { minutes }) => sum + minutes, 0),
    };
  }

  /** Counts a call to the line from its start; `add` completes it. */
  begin(caller: string): Spent {
    const spent = { caller, at: this.#deps.clock.now(), minutes: 0 };
    this.#spent.push(spent);
    return spent;
  }

  async add(record: CallRecord, begun?: Spent): Promise<void> {
    if (begun) begun.minutes = minutesOf(record);
    const key = `${keyOf(record.startedAt)}-${toHex(this.#deps.random.bytes(4))}`;
    await this.#deps.records.update((transaction) => {
      transaction.put(key, utf8(JSON.stringify(record)));
      const surplus = this.#kept + 1 - this.#limit;
      const oldest = surplus > 0 ? Array.from(transaction.keys('', { limit: surplus })) : [];
      for (const old of oldest) transaction.remove(old);
      this.#kept += 1 - oldest.length;
    });
  }

  /** The latest records, the newest first. */
  latest(count: number): readonly CallRecord[] {
    const now = this.#deps.clock.now();
    let keys: readonly string[] = [];
    // Most of the time the last day or month holds enough; reading all keys of years would take long.
    for (const days of [1, 30, Number.POSITIVE_INFINITY]) {
      keys = Array.from(this.#deps.records.keys('', { after: keyOf(now - days * DAY_MS) }));
      if (keys.length >= count) break;
    }
    return keys
      .slice(-count)
      .reverse()
      .flatMap((key) => this.#one(key));
  }

  #read(after: string): readonly CallRecord[] {
    return Array.from(this.#deps.records.keys('', { after })).flatMap((key) => this.#one(key));
  }

  #one(key: string): readonly CallRecord[] {
    const bytes = this.#deps.records.get(key);
    return bytes ? [JSON.parse(new TextDecoder().decode(bytes))] : [];
  }
}

/** Sorts by time as text. */
function keyOf(ms: number): string {
  return String(Math.max(0, Number.isFinite(ms) ? ms : 0)).padStart(15, '0');
}

function minutesOf(record: CallRecord): number {
  return record.answeredAt === undefined ? 0 : (record.endedAt - record.answeredAt) / 60_000;
}
