import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { randomBelow } from '#platform/random.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import { type ChordCore, jittered } from '#reload/topology/chord/core.ts';
import type { Fingers } from '#reload/topology/chord/fingers.ts';
import { whoAnswersFor } from '#reload/topology/chord/pinging.ts';
import { clockwise } from '#reload/topology/chord/ring.ts';
import type { Updates } from '#reload/topology/chord/updates.ts';

/** The periodic work of RFC 6940 §10.7.4: Updates to neighbours, better fingers, and a look for a second ring. */
export class Stabilisation {
  readonly #core: ChordCore;
  readonly #updates: Updates;
  readonly #acquaintance: Acquaintance;
  readonly #fingers: Fingers;
  readonly #timers = new Set<Timer>();
  #stopping = new AbortController();
  /** What the timers that run were set by; undefined while none does. */
  #intervals: string | undefined;

  constructor(core: ChordCore, updates: Updates, acquaintance: Acquaintance, fingers: Fingers) {
    this.#core = core;
    this.#updates = updates;
    this.#acquaintance = acquaintance;
    this.#fingers = fingers;
    // A new document may change the intervals, and the old ones may be long (RFC 6940 §11.1).
    core.deps.configuration.onChange((configuration) => {
      if (this.#intervals !== undefined && this.#intervals !== intervalsOf(configuration)) this.start();
    });
  }

  start(): void {
    this.stop();
    this.#stopping = new AbortController();
    const { configuration } = this.#core.deps;
    this.#intervals = intervalsOf(configuration.current);
    this.#every(
      () => configuration.current.chordUpdateInterval * 1000,
      () => this.#updateNeighbours(),
    );
    this.#every(
      // Twice this, halved by the jitter at most: not more often than the interval (RFC 6940 §10.7.4.2).
      () => 2 * configuration.current.chordPingInterval * 1000,
      () => void this.#fingers.search(),
    );
    this.#every(
      () => this.#core.options.partitionInterval,
      () => void this.lookForOtherRing(),
    );
  }

  stop(): void {
    this.#stopping.abort();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#intervals = undefined;
  }

  /**
   * RFC 6940 §10.7.4.4: asks bootstrap nodes, one after the other, who comes after this node. Another than the own successor means
   * that there are two rings, or that this peer missed something.
   */
  async lookForOtherRing(): Promise<void> {
    const { deps, table } = this.#core;
    const signal = this.#stopping.signal;
    const linkedBefore = new Set(deps.links.nodes());
    try {
      for await (const entrance of deps.entrances.contacts(signal, { bootstrapFirst: true })) {
        if (entrance === table.self) continue;
        const found = await whoAnswersFor(deps, clockwise(table.self, 1n), { through: entrance, signal });
        if (found === undefined) continue;
        if (found !== table.self && found !== table.successor() && !table.has(found)) {
          deps.log.warn('another ring, or a gap in this one', { found, entrance });
          await this.#acquaintance.attach(found, entrance);
        }
        // Bootstrap nodes could not hold a link to every peer that ever asked them.
        if (!table.has(entrance) && !linkedBefore.has(entrance)) deps.links.remove(entrance);
        return;
      }
    } catch (error) {
      deps.log.debug('no bootstrap node to ask', { why: messageOf(error) });
    }
  }

  #updateNeighbours(): void {
    const { deps, table } = this.#core;
    const { predecessors, successors } = table.neighbours();
    for (const node of new Set([...predecessors, ...successors])) {
      // Spread over a tenth of the interval (RFC 6940 §10.7.4.1).
      const spread = deps.configuration.current.chordUpdateInterval * 100;
      this.#after(randomBelow(deps.random, spread), () => {
        if (table.has(node)) void this.#updates.send(node, 'neighbors');
      });
    }
  }

  #every(ms: () => number, act: () => void): void {
    this.#after(jittered(this.#core.deps.random, ms()), () => {
      this.#every(ms, act);
      if (this.#core.joined()) act();
    });
  }

  #after(ms: number, act: () => void): void {
    const timer = this.#core.deps.clock.after(ms, () => {
      this.#timers.delete(timer);
      act();
    });
    this.#timers.add(timer);
  }
}

function intervalsOf({ chordUpdateInterval, chordPingInterval }: OverlayConfiguration): string {
  return `${chordUpdateInterval} ${chordPingInterval}`;
}
