import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import { type ChordCore, jittered } from '#reload/topology/chord/core.ts';
import { whoAnswersFor } from '#reload/topology/chord/pinging.ts';
import { byDistanceFrom, clockwise, type Section, within } from '#reload/topology/chord/ring.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

const MAX_SECTIONS = 64;
const MAX_REMEMBERED = 256;
/** The wait between attempts grows up to 2^6 times the first. */
const MAX_DOUBLINGS = 6;
/** A peer that has been up for so long, in seconds, and turns up only now may come from another ring. */
const STANDING = 60;
/** For so long after it turned up it may bring records home, in milliseconds. */
const REUNION = 600_000;

/**
 * Brings records home after two rings became one (RFC 6940 §6.4.2.3, §7.4.1.1): those of a section that this peer answered for, and that
 * others answer for now whom it did not admit. There may be many of them, and this peer need not be near: so it asks who each is.
 */
export class Homecoming {
  readonly #core: ChordCore;
  readonly #acquaintance: Acquaintance;
  readonly #stopped = new AbortController();
  /** Peers of long standing that turned up anew, and until when they may bring records. */
  readonly #reunited = new Map<NodeId, number>();
  #sections: Section[] = [];
  #timer: Timer | undefined;
  #working = false;
  #failures = 0;

  constructor(core: ChordCore, acquaintance: Acquaintance) {
    this.#core = core;
    this.#acquaintance = acquaintance;
  }

  /** Whether records may still be here that are missing elsewhere. */
  get pending(): boolean {
    return this.#working || this.#sections.length > 0;
  }

  /** The section is others' from now on, or may be. */
  add(section: Section): void {
    const last = this.#sections.at(-1);
    if (last !== undefined && last.upTo === section.after) {
      this.#sections[this.#sections.length - 1] = { after: last.after, upTo: section.upTo };
    } else {
      this.#sections.push(section);
      if (this.#sections.length > MAX_SECTIONS) this.#sections.shift();
    }
    this.#schedule(this.#core.options.coalesce.max);
  }

  /** To be told of each peer that enters the table, with the seconds that it says it has been up. */
  turnedUp(node: NodeId, uptime: number): void {
    if (uptime < STANDING || this.#core.uptime() < STANDING) return;
    if (this.#reunited.size >= MAX_REMEMBERED) this.#reunited.clear();
    this.#reunited.set(node, this.#core.deps.clock.now() + REUNION);
  }

  /** Whether the node may bring records that this peer answers for, as their owner in another ring until now. */
  mayBring(node: NodeId): boolean {
    return (this.#reunited.get(node) ?? 0) > this.#core.deps.clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#stopped.abort();
    this.#sections = [];
  }

  #schedule(ms: number): void {
    if (this.#working || this.#stopped.signal.aborted) return;
    this.#timer?.cancel();
    this.#timer = this.#core.deps.clock.after(ms, () => void this.#work());
  }

  async #work(): Promise<void> {
    const { deps, options } = this.#core;
    if (!this.#core.joined()) {
      this.#schedule(options.copyRetry);
      return;
    }
    this.#working = true;
    const sections = this.#sections;
    this.#sections = [];
    const failed: Section[] = [];
    for (const section of sections) {
      const complete = await this.#bringHome(section).catch((error: unknown) => {
        deps.log.warn('records not brought home', { why: messageOf(error) });
        return false;
      });
      if (!complete) failed.push(section);
    }
    this.#working = false;
    this.#sections = [...failed, ...this.#sections].slice(-MAX_SECTIONS);
    this.#failures = failed.length === 0 ? 0 : this.#failures + 1;
    if (this.#sections.length === 0) return;
    const doublings = Math.min(Math.max(0, this.#failures - 1), MAX_DOUBLINGS);
    this.#schedule(jittered(deps.random, options.copyRetry * 2 ** doublings));
  }

  /** Resolves with whether every record of the section is where it belongs. */
  async #bringHome(section: Section): Promise<boolean> {
    const { deps, table } = this.#core;
    const signal = this.#stopped.signal;
    const resources = deps.handover
      .held((resource) => within(resource, section.after, section.upTo))
      .toSorted(byDistanceFrom(clockwise(section.after, 1n)));
    let complete = true;
    for (let next = 0; next < resources.length && !signal.aborted; ) {
      const first = resources[next] as ResourceId;
      const owner = this.#core.isResponsible(first) ? table.self : await whoAnswersFor(deps, first, { signal });
      if (owner === undefined) return false;
      const before = clockwise(first, -1n);
      // Up to its owner's own place the ring is the owner's as well.
      const isOwned = (resource: ResourceId) => within(resource, before, owner);
      if (owner !== table.self) {
        const taken = await this.#handTo(
          owner,
          (resource) => isOwned(resource) && within(resource, before, section.upTo),
        );
        complete &&= taken;
      }
      while (next < resources.length && isOwned(resources[next] as ResourceId)) next++;
    }
    return complete;
  }

  async #handTo(owner: NodeId, belongs: (resource: ResourceId) => boolean): Promise<boolean> {
    const { deps, table } = this.#core;
    const isNew = deps.links.get(owner) === undefined;
    // Over a link of its own, so that the owner hears by an Update who this is.
    if (isNew && !(await this.#acquaintance.attach(owner))) return false;
    const complete = await deps.handover.copyTo(owner, belongs);
    deps.log.info('records brought home', { owner, complete });
    if (isNew && !table.isNeighbour(owner)) deps.links.remove(owner);
    return complete;
  }
}
