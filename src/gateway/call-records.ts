import type { Budgets } from '#gateway/budgets.ts';
import { findCalls, readCallRecord, timeKey } from '#gateway/call-log.ts';
import type { CallPage, CallQuery } from '#gateway/call-query.ts';
import type { CallRecord } from '#gateway/call-record.ts';
import { maskNumbers, type NumberKeeping } from '#gateway/mask-numbers.ts';
import { RefusalLimit } from '#gateway/refusal-limit.ts';
import { toHex, utf8 } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { KeyValueNamespace, Transaction } from '#store/key-value-store.ts';

export interface CallRecordsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly records: KeyValueNamespace;
  /** Told at the start what was used up before. */
  readonly budgets: Budgets;
}

export interface CallRecordsOptions {
  readonly limit: number;
  readonly days: number;
  readonly numbers: NumberKeeping;
}

const DAY_MS = 86_400_000;
/** Old records are looked for so often even when nobody calls. */
const CLEAN_MS = DAY_MS / 4;
/** Records removed in one transaction. */
const BATCH = 500;

/** Keeps call records: one write a call, a bounded number of them, for a bounded time. */
export class CallRecords {
  readonly #deps: CallRecordsDeps;
  readonly #options: CallRecordsOptions;
  readonly #refusals: RefusalLimit;
  #kept = 0;
  /** Calls that began in the same millisecond keep their order. */
  #added = 0;
  #cleaning: Timer | undefined;

  constructor(deps: CallRecordsDeps, options: CallRecordsOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#refusals = new RefusalLimit(deps);
  }

  /** Tells the budgets of the last day's calls, so that a restart does not renew anyone's allowance, and removes what is too old. */
  async start(): Promise<void> {
    const { records, budgets, clock } = this.#deps;
    this.#kept = Array.from(records.keys('')).length;
    for (const key of records.keys('', { after: timeKey(clock.now() - DAY_MS) })) {
      const bytes = records.get(key);
      const record = bytes && readCallRecord(bytes);
      if (record && countsAsAttempt(record)) budgets.remember(record);
    }
    await this.#clean();
  }

  stop(): void {
    this.#cleaning?.cancel();
  }

  /** Calls that came to no line, beyond what `RefusalLimit` lets through are counted in the log only. */
  async add(record: CallRecord): Promise<void> {
    // What came to no line was refused, or given up at a prompt: neither costs who does it anything.
    const isFree = record.outcome === 'refused' || record.line === '';
    if (isFree && record.emergency !== true && !this.#refusals.takes(record.caller)) return;
    const { random, records } = this.#deps;
    const order = (this.#added++).toString(16).padStart(8, '0');
    // Random, since the count begins anew with the process.
    const key = `${timeKey(record.startedAt)}-${order}${toHex(random.bytes(4))}`;
    const bytes = utf8(JSON.stringify(maskNumbers(record, this.#options.numbers)));
    await records.update((transaction) => {
      transaction.put(key, bytes);
      this.#kept++;
      this.#removeOldest(transaction, () => this.#kept > this.#options.limit);
    });
  }

  find(query: CallQuery): Promise<CallPage> {
    return findCalls(this.#deps.records, query, this.#deps.clock.now());
  }

  /** Deletes what began before that time. Resolves with the number of records deleted. */
  async deleteBefore(ms: number): Promise<number> {
    const end = timeKey(ms);
    let deleted = 0;
    for (;;) {
      const removed = await this.#deps.records.update((transaction) =>
        this.#removeOldest(transaction, (oldest) => oldest < end),
      );
      deleted += removed;
      if (removed < BATCH) return deleted;
    }
  }

  /** Removes at most `BATCH` records from the oldest on, while `isWanted` says so. */
  #removeOldest(transaction: Transaction, isSurplus: (key: string) => boolean): number {
    let removed = 0;
    for (const oldest of transaction.keys('', { limit: BATCH })) {
      if (!isSurplus(oldest)) break;
      transaction.remove(oldest);
      this.#kept--;
      removed++;
    }
    return removed;
  }

  async #clean(): Promise<void> {
    const { clock, log } = this.#deps;
    await this.deleteBefore(clock.now() - this.#options.days * DAY_MS).catch((thrown) =>
      log.warn('old call records not removed', { reason: messageOf(thrown) }),
    );
    this.#cleaning = clock.after(CLEAN_MS, () => void this.#clean());
  }
}

/** What used a line, or tried to; emergency calls are not held against anybody. */
function countsAsAttempt({ direction, outcome, emergency }: CallRecord): boolean {
  return direction === 'to-line' && outcome !== 'refused' && emergency !== true;
}
