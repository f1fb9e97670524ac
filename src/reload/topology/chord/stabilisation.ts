import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { Acquaintance } from '#reload/topology/chord/acquaintance.ts';
import { type ChordCore, jittered } from '#reload/topology/chord/core.ts';
import { FIRST_FINGERS } from '#reload/topology/chord/joining.ts';
import { clockwise, distance, fingerRange, isPeerOf, type Position, within } from '#reload/topology/chord/ring.ts';
import type { Updates } from '#reload/topology/chord/updates.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { pingReq } from '#reload/wire/ping.ts';

/** The periodic work of RFC 6940 §10.7.4: Updates to neighbours, better fingers, and a look for a second ring. */
export class Stabilisation {
  readonly #core: ChordCore;
  readonly #updates: Updates;
  readonly #acquaintance: Acquaintance;
  readonly #timers = new Set<Timer>();
  #stopping = new AbortController();

  constructor(core: ChordCore, updates: Updates, acquaintance: Acquaintance) {
    this.#core = core;
    this.#updates = updates;
    this.#acquaintance = acquaintance;
  }

  start(): void {
    this.stop();
    this.#stopping = new AbortController();
    const { configuration } = this.#core.deps;
    this.#every(
      () => configuration.current.chordUpdateInterval * 1000,
      () => this.#updateNeighbours(),
    );
    this.#every(
      () => configuration.current.chordPingInterval * 1000,
      () => void this.searchFinger(),
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
  }

  /** RFC 6940 §10.7.4.2: pings a random place in the range of an invalid entry, and attaches to who answers. */
  async searchFinger(): Promise<void> {
    const { deps, table } = this.#core;
    const target = chooseFingerTarget(table.self, this.#invalidFingers(), deps.random);
    if (target === undefined) return;
    const found = await this.#whoAnswersFor(target);
    if (found === undefined || !isPeerOf(table.self, found) || table.has(found)) return;
    await this.#acquaintance.attach(found);
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
        const found = await this.#whoAnswersFor(clockwise(table.self, 1n), entrance);
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

  /** Fingers without a peer in their range, those apart whose range the successors cover. */
  #invalidFingers(): readonly number[] {
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

  async #whoAnswersFor(place: ResourceId, through?: NodeId): Promise<NodeId | undefined> {
    const destination = [resourceDestination(place)];
    try {
      const { signatory } = await this.#core.deps.exchange.request({
        destination: through === undefined ? destination : [nodeDestination(through), ...destination],
        code: MessageCode.pingReq,
        body: encode(pingReq, { padding: new Uint8Array() }),
        signal: this.#stopping.signal,
        ...(through === undefined ? {} : { firstHop: through }),
      });
      return signatory.nodeId;
    } catch {
      return undefined;
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
