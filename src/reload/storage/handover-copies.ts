import type { Clock } from '#platform/clock.ts';
import type { RecordName, RecordTable } from '#reload/storage/record-table.ts';
import type { Replicator } from '#reload/storage/replicator.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

interface Deps {
  readonly records: RecordTable;
  readonly replicator: Pick<Replicator, 'copy'>;
  readonly clock: Clock;
}

type Belongs = (resource: ResourceId) => boolean;

/** A copy in progress, or just finished: changes to its records are copied as well. */
interface Mirror {
  readonly to: NodeId;
  readonly belongs: Belongs;
  readonly changed: Map<string, RecordName>;
  /** Once true, nobody waits for changes any more: each is copied as it comes. */
  finished: boolean;
}

const CHUNK = 256;
/** Stores that wait for their answers at the same time. */
const PARALLEL = 4;
/** Milliseconds for which changes still follow a finished copy: the time that responsibility needs to move. */
const GRACE_MS = 10_000;

/**
 * Copies whole ranges to another peer without missing what is stored meanwhile (RFC 6940 §10.5, steps 6 and 7): a Store that the
 * old responsible peer acknowledged must be found at the new one.
 */
export class HandoverCopies {
  readonly #deps: Deps;
  readonly #mirrors = new Set<Mirror>();
  readonly #running = new Map<symbol, readonly RecordName[]>();
  #waiting: (() => void)[] = [];

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Announces that records are about to change; to be called back when the change was committed or given up. That promise resolves when
   * peers whose copy was finished already have the change too, and never rejects.
   */
  beginChange(names: readonly RecordName[]): () => Promise<unknown> {
    const change = Symbol();
    this.#running.set(change, names);
    return () => {
      this.#running.delete(change);
      const copies = [...this.#mirrors].flatMap((mirror) => this.#note(mirror, names));
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const proceed of waiting) proceed();
      return Promise.all(copies);
    };
  }

  /**
   * Resolves when every record that belongs was acknowledged or refused, those included that changed meanwhile; with false when some
   * were refused or not answered.
   */
  async copyTo(to: NodeId, belongs: Belongs): Promise<boolean> {
    const mirror: Mirror = { to, belongs, changed: new Map(), finished: false };
    this.#mirrors.add(mirror);
    let complete = true;
    try {
      for (let after: RecordName | undefined; ; ) {
        const names = this.#deps.records.names({ limit: CHUNK, ...(after === undefined ? {} : { after }) });
        const copied = await this.#copyAll(
          to,
          names.filter(({ resource }) => belongs(resource)),
        );
        complete &&= copied;
        after = names.at(-1);
        if (names.length < CHUNK) break;
      }
      const caughtUp = await this.#catchUp(mirror);
      return complete && caughtUp;
    } finally {
      this.#deps.clock.after(GRACE_MS, () => this.#mirrors.delete(mirror));
    }
  }

  async #catchUp(mirror: Mirror): Promise<boolean> {
    let complete = true;
    for (;;) {
      const changed = [...mirror.changed.values()];
      mirror.changed.clear();
      const copied = await this.#copyAll(mirror.to, changed);
      complete &&= copied;
      if (mirror.changed.size > 0) continue;
      const isRunning = [...this.#running.values()].some((names) => names.some((n) => mirror.belongs(n.resource)));
      if (!isRunning) break;
      await new Promise<void>((proceed) => this.#waiting.push(proceed));
    }
    mirror.finished = true;
    return complete;
  }

  #note(mirror: Mirror, names: readonly RecordName[]): Promise<unknown>[] {
    const belonging = names.filter(({ resource }) => mirror.belongs(resource));
    if (mirror.finished) return belonging.map((name) => this.#deps.replicator.copy(mirror.to, name));
    for (const name of belonging) mirror.changed.set(`${name.kind}/${name.resource}`, name);
    return [];
  }

  async #copyAll(to: NodeId, names: readonly RecordName[]): Promise<boolean> {
    const queue = [...names];
    let complete = true;
    const work = async () => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        const copied = await this.#deps.replicator.copy(to, name);
        complete &&= copied;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
    return complete;
  }
}
