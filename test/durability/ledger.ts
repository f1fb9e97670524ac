/** Values of one record as somebody sees them: text by place; null is a removal that is still kept. */
export interface Sight {
  readonly generation: number;
  readonly values: ReadonlyMap<string, string | null>;
}

/** One Store, from the moment it is sent: it may have happened from then on, and must have once it was acknowledged. */
export interface Attempt {
  readonly record: string;
  readonly writes: readonly { readonly place: string; readonly text: string | null; readonly version: number }[];
}

/** What somebody has to hold of a record: at least these versions. */
export interface Debt {
  readonly generation: number;
  readonly floors: ReadonlyMap<string, number>;
}

interface PlaceLog {
  /** By version - 1: whether that version was a value (or else a removal), and the Store it came in. */
  readonly versions: { readonly exists: boolean; readonly attempt: Attempt }[];
  acknowledged: number;
  holders: ReadonlySet<string>;
}

interface RecordLog {
  readonly places: Map<string, PlaceLog>;
  /** Stores that may have happened. */
  readonly open: Set<Attempt>;
  waiting: number;
  generation: number;
  holders: ReadonlySet<string>;
}

const PADDING = '.'.repeat(120);

/** Everything that was stored, and what follows for what may be seen later. Each place counts its versions from 1. */
export class Ledger {
  readonly #records = new Map<string, RecordLog>();
  counters = { begun: 0, acknowledged: 0, removals: 0 };

  begin(record: string, writes: readonly { readonly place: string; readonly exists: boolean }[]): Attempt {
    const log = this.#log(record);
    const attempt: Attempt = {
      record,
      writes: writes.map(({ place, exists }) => {
        const version = (log.places.get(place)?.versions.length ?? 0) + 1;
        return { place, version, text: exists ? `${record}|${place}|${version}|${PADDING}` : null };
      }),
    };
    for (const { place, text } of attempt.writes) {
      const known = log.places.get(place) ?? { versions: [], acknowledged: 0, holders: new Set() };
      known.versions.push({ exists: text !== null, attempt });
      log.places.set(place, known);
    }
    log.open.add(attempt);
    log.waiting += 1;
    this.counters.begun += 1;
    return attempt;
  }

  /** `holders` had it on disk before the answer left. */
  acknowledge(attempt: Attempt, generation: number, holders: ReadonlySet<string>): void {
    const log = this.#log(attempt.record);
    log.open.clear();
    log.waiting -= 1;
    log.generation = Math.max(log.generation, generation);
    log.holders = holders;
    for (const { place, version, text } of attempt.writes) {
      const known = log.places.get(place);
      if (known === undefined) throw new Error(`${place} of ${attempt.record} was never begun`);
      known.acknowledged = version;
      known.holders = holders;
      if (text === null) this.counters.removals += 1;
    }
    this.counters.acknowledged += 1;
  }

  /** No answer came and none will: it may have happened all the same. */
  abandon({ record }: Attempt): void {
    this.#log(record).waiting -= 1;
  }

  /** Whether an answer is still awaited. */
  isBusy(record: string): boolean {
    return (this.#records.get(record)?.waiting ?? 0) > 0;
  }

  /** The generation counter, when no Store of unknown outcome may have changed it. */
  settledGeneration(record: string): number | undefined {
    const log = this.#records.get(record);
    return log === undefined || log.open.size > 0 ? undefined : log.generation;
  }

  /** Where an append would go, as far as that is known. */
  nextIndex(record: string): number | undefined {
    const log = this.#records.get(record);
    if (log === undefined || log.open.size > 0) return undefined;
    return Math.max(-1, ...[...log.places.keys()].map(Number)) + 1;
  }

  /** What is acknowledged now; of everything, or of what `holder` had on disk. */
  debts(holder?: string): ReadonlyMap<string, Debt> {
    const debts = new Map<string, Debt>();
    for (const [record, log] of this.#records) {
      const owed = [...log.places].filter(([, { holders }]) => holder === undefined || holders.has(holder));
      const floors = new Map(owed.map(([place, { acknowledged }]) => [place, acknowledged]));
      const generation = holder === undefined || log.holders.has(holder) ? log.generation : 0;
      if ([...floors.values()].some((floor) => floor > 0)) debts.set(record, { generation, floors });
    }
    return debts;
  }

  /**
   * What is wrong with a sight of a record. `keepsRemovals` says that removals are seen as such and not as absence: on disk
   * one that is missing would let an older value come back from a replica.
   */
  judge(record: string, debt: Debt | undefined, sight: Sight, keepsRemovals: boolean): string[] {
    const log = this.#records.get(record);
    if (log === undefined) return sight.values.size === 0 ? [] : [`${record} was never stored`];
    const faults: string[] = [];
    const look = (place: string, floor: number, claim: string) => {
      const fault = faultOf(log, { record, place, floor, keepsRemovals }, sight.values.get(place));
      if (fault !== undefined) faults.push(`${record} ${place}: ${fault} (${claim})`);
    };
    for (const [place, floor] of debt?.floors ?? []) look(place, floor, `version ${floor} was acknowledged`);
    for (const [place, text] of sight.values) {
      if (debt?.floors.get(place) === undefined) look(place, 0, 'nothing was acknowledged');
      const version = versionIn(text);
      const attempt = version === undefined ? undefined : log.places.get(place)?.versions[version - 1]?.attempt;
      for (const other of attempt?.writes ?? []) {
        if (other.place !== place) look(other.place, other.version, `its Store wrote ${place} too`);
      }
    }
    if (debt !== undefined && sight.generation < debt.generation) {
      faults.push(`${record}: generation ${sight.generation} after ${debt.generation} was acknowledged`);
    }
    return faults;
  }

  #log(record: string): RecordLog {
    let log = this.#records.get(record);
    if (log === undefined) {
      log = { places: new Map(), open: new Set(), waiting: 0, generation: 0, holders: new Set() };
      this.#records.set(record, log);
    }
    return log;
  }
}

interface Expectation {
  readonly record: string;
  readonly place: string;
  readonly floor: number;
  readonly keepsRemovals: boolean;
}

function faultOf(log: RecordLog, expected: Expectation, seen: string | null | undefined): string | undefined {
  const { record, place, floor, keepsRemovals } = expected;
  const versions = log.places.get(place)?.versions ?? [];
  const floorExists = floor > 0 && versions[floor - 1]?.exists === true;
  if (seen === undefined || seen === null) {
    if (floor === 0) {
      const isPossible = seen === undefined || versions.some(({ exists }) => !exists);
      return isPossible ? undefined : 'a removal that nobody asked for';
    }
    if (seen === undefined && keepsRemovals) return floorExists ? 'a value is lost' : 'a removal is lost';
    const isRemoved = !floorExists || versions.slice(floor).some(({ exists }) => !exists);
    return isRemoved ? undefined : 'a value is lost';
  }
  const version = versionIn(seen) ?? 0;
  const known = versions[version - 1];
  if (known?.exists !== true || seen !== `${record}|${place}|${version}|${PADDING}`) {
    return `a value that nobody stored there: ${seen.slice(0, 100)}`;
  }
  if (version >= floor) return undefined;
  return floorExists ? `older version ${version} is back` : `removed version ${version} is back`;
}

function versionIn(text: string | null): number | undefined {
  const version = Number(text?.split('|').at(-2));
  return Number.isInteger(version) && version > 0 ? version : undefined;
}
