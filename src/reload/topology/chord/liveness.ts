import type { Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type ChordCore, jittered } from '#reload/topology/chord/core.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { pingReq } from '#reload/wire/ping.ts';

/** Peers other than the nearest on each side are pinged at every so-manieth round only. */
const FAR_ROUNDS = 4;
/** How often a process looks whether it stood still, in milliseconds. */
const BEAT = 1000;

interface LivenessObserver {
  dead(node: NodeId): void;
  /** This process stood still for long. */
  stalled(): void;
  /** A round of looking after the neighbours began. */
  looked(): void;
}

/**
 * Finds out which neighbours still live (RFC 6940 §10.7.1). Links say it at once when a process dies; one that is stopped, or a
 * machine without power, only shows by silence. Also notices when this process itself stood still: then others have given it up.
 */
export class Liveness {
  readonly #core: ChordCore;
  readonly #on: LivenessObserver;
  readonly #checking = new Set<NodeId>();
  readonly #timers = new Set<Timer>();
  #beat = 0;
  #round = 0;
  #running = false;

  constructor(core: ChordCore, on: LivenessObserver) {
    this.#core = core;
    this.#on = on;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#beat = this.#core.deps.clock.now();
    this.#every(
      () => BEAT,
      () => this.#watchSelf(),
    );
    this.#every(
      () => jittered(this.#core.deps.random, this.#core.options.livenessInterval),
      () => this.#watchOthers(),
    );
  }

  stop(): void {
    this.#running = false;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Whether this process stood still so long that the others must have taken it for dead. */
  isStalled(): boolean {
    const { clock } = this.#core.deps;
    return this.#running && clock.now() - this.#beat > BEAT + this.#core.options.suspicionTimeout;
  }

  /** Pings the node over its own link; when it does not answer it is dead. */
  async check(node: NodeId): Promise<void> {
    const { deps, options } = this.#core;
    const link = deps.links.get(node);
    if (this.#checking.has(node) || link === undefined) return;
    this.#checking.add(node);
    try {
      await deps.exchange.request({
        destination: [nodeDestination(node)],
        code: MessageCode.pingReq,
        body: encode(pingReq, { padding: new Uint8Array() }),
        firstHop: node,
        timeoutMs: options.suspicionTimeout,
      });
    } catch (error) {
      // A link made meanwhile was not asked.
      if (!this.#running || deps.links.get(node) !== link) return;
      deps.log.info('peer does not answer', { node, why: messageOf(error) });
      this.#on.dead(node);
    } finally {
      this.#checking.delete(node);
    }
  }

  #watchOthers(): void {
    const { deps, options, table } = this.#core;
    this.#round++;
    const before = deps.clock.now() - options.livenessInterval / 2;
    for (const node of table.peers()) {
      if (!table.isNear(node, options.neighboursPerSide) && this.#round % FAR_ROUNDS !== 0) continue;
      if (deps.links.lastHeard(node) < before) void this.check(node);
    }
    this.#on.looked();
  }

  #watchSelf(): void {
    const stalled = this.isStalled();
    this.#beat = this.#core.deps.clock.now();
    if (stalled) this.#on.stalled();
  }

  #every(ms: () => number, act: () => void): void {
    const timer = this.#core.deps.clock.after(ms(), () => {
      this.#timers.delete(timer);
      if (!this.#running) return;
      this.#every(ms, act);
      act();
    });
    this.#timers.add(timer);
  }
}
