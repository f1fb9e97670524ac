import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import type { ChordCore } from '#reload/topology/chord/core.ts';
import { whoAnswersFor } from '#reload/topology/chord/pinging.ts';
import {
  clockwise,
  distance,
  fingerIndex,
  fingerRange,
  isPeerOf,
  type Position,
  within,
} from '#reload/topology/chord/ring.ts';
import { resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** Fingers that every peer looks for (RFC 6940 §10.7.4.3). */
export const FIRST_FINGERS = 16;
/** Between a change of the ring and the look whether it has outgrown the table, in milliseconds. */
const GROWTH_DELAY = 5000;

/** Keeps the Finger Table filled: when the ring grows, when a finger is lost, and from time to time (RFC 6940 §10.7.2, §10.7.4). */
export class Fingers {
  readonly #core: ChordCore;
  readonly #acquaintance: Acquaintance;
  /** For how large a ring, as its binary logarithm, a peer was looked for in the range of a finger. */
  readonly #looked = new Map<number, number>();
  readonly #replacing = new Set<number>();
  #stopping = new AbortController();
  #timer: Timer | undefined;

  constructor(core: ChordCore, acquaintance: Acquaintance) {
    this.#core = core;
    this.#acquaintance = acquaintance;
  }

  start(): void {
    this.stop();
    this.#stopping = new AbortController();
    this.changed();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#stopping.abort();
  }

  /** RFC 6940 §10.7.4.2: pings a random place in the range of an invalid entry, and attaches to who answers. */
  async search(): Promise<void> {
    const { deps, table } = this.#core;
    const target = chooseFingerTarget(table.self, this.#invalid(), deps.random);
    if (target !== undefined) await this.#ping(target);
  }

  /** To be told of each peer that left the table: with reactive recovery a search for another in its place begins at once (§10.7.2). */
  lost(peer: NodeId): void {
    const { deps, table } = this.#core;
    if (!deps.configuration.current.chordReactive || !this.#core.joined()) return;
    const i = fingerIndex(table.self, peer);
    if (this.#replacing.has(i) || !this.#invalid().includes(i)) return;
    this.#replacing.add(i);
    const { first, last } = fingerRange(table.self, i);
    void this.#ping(placeBetween(first, last, deps.random)).finally(() => this.#replacing.delete(i));
  }

  /**
   * To be told of each change of the table. In a ring that has grown, ranges that the successors covered, or that nobody stood in, have
   * peers now: each is looked for once at each size (§10.7.4.3), and no more often by this than the ring doubles.
   */
  changed(): void {
    this.#timer ??= this.#core.deps.clock.after(GROWTH_DELAY, () => {
      this.#timer = undefined;
      if (this.#core.joined()) this.#grow();
    });
  }

  #grow(): void {
    const { deps, table } = this.#core;
    const level = Math.floor(Math.log2(table.estimatedSize()));
    for (const i of this.#invalid()) {
      if ((this.#looked.get(i) ?? -1) >= level) continue;
      this.#looked.set(i, level);
      const { first, last } = fingerRange(table.self, i);
      const target = placeBetween(first, last, deps.random);
      deps.attacher
        .attach([resourceDestination(target)], { sendUpdate: true, signal: this.#stopping.signal })
        .catch((error: unknown) => deps.log.debug('finger not attached', { target, why: messageOf(error) }));
    }
  }

  async #ping(target: ResourceId): Promise<void> {
    const { deps, table } = this.#core;
    const found = await whoAnswersFor(deps, target, { signal: this.#stopping.signal });
    if (found === undefined || !isPeerOf(table.self, found) || table.has(found)) return;
    await this.#acquaintance.attach(found);
  }

  /** Fingers without a peer in their range, those apart whose range the successors cover. */
  #invalid(): readonly number[] {
    const { table } = this.#core;
    const outermost = table.neighbours().successors.at(-1);
    if (outermost === undefined) return [];
    const invalid: number[] = [];
    for (let i = 1; i <= FIRST_FINGERS; i++) {
      const { last } = fingerRange(table.self, i);
      if (within(last, table.self, outermost)) break;
      if (table.finger(i)?.valid !== true) invalid.push(i);
    }
    return invalid;
  }
}

/** A random place in the range of one of the entries; each is taken with probability one half, from the farthest on. */
export function chooseFingerTarget(self: NodeId, invalid: readonly number[], random: Random): ResourceId | undefined {
  const chosen = invalid.find(() => randomBelow(random, 2) === 0);
  if (chosen === undefined) return undefined;
  const { first, last } = fingerRange(self, chosen);
  return placeBetween(first, last, random);
}

function placeBetween(first: Position, last: Position, random: Random): ResourceId {
  const size = distance(first, last) + 1n;
  const bytes = random.bytes(24);
  const drawn = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  return clockwise(first, drawn % size);
}
