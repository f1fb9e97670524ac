import type { Clock, Timer } from '#platform/clock.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export interface SpreadDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Every linked node. */
  readonly neighbours: () => readonly NodeId[];
  /** Gives the document in force to one of them; never rejects. */
  readonly tell: (neighbour: NodeId) => Promise<void>;
}

/** Before the first neighbour is told, in milliseconds: those that tell this node meanwhile need not be told. */
const HESITATION = 500;
/** Neighbours told at once; a document may be large. */
const AT_ONCE = 4;
/** Nodes remembered because they have told this one: as many as may be linked. */
const MAX_INFORMED = 1024;

/**
 * Passes a new document on to every linked node, which does the same: so it reaches all that are linked within some round trips, instead
 * of when requests happen to show who has the older one (RFC 6940 §6.5.4).
 */
export class ConfigurationSpread {
  readonly #deps: SpreadDeps;
  readonly #informed = new Set<NodeId>();
  #waiting: NodeId[] = [];
  #timer: Timer | undefined;
  #running = 0;

  constructor(deps: SpreadDeps) {
    this.#deps = deps;
  }

  /** Another document is in force: whoever is linked now is told, after a moment. */
  begin(): void {
    const { clock, random } = this.#deps;
    this.stop();
    this.#timer = clock.after(randomBelow(random, HESITATION), () => {
      this.#waiting = this.#deps.neighbours().filter((node) => !this.#informed.has(node));
      for (let i = this.#running; i < AT_ONCE; i++) void this.#work();
    });
  }

  /** The node has shown that it has the document in force. */
  informed(node: NodeId): void {
    if (this.#informed.size < MAX_INFORMED) this.#informed.add(node);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#informed.clear();
    this.#waiting = [];
  }

  async #work(): Promise<void> {
    this.#running++;
    for (let node = this.#waiting.shift(); node !== undefined; node = this.#waiting.shift()) {
      if (!this.#informed.has(node)) await this.#deps.tell(node);
    }
    this.#running--;
  }
}
