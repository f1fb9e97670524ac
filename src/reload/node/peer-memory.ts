import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { BootstrapEntrances } from '#reload/node/entrances.ts';
import type { BootstrapAddress, PeerCache } from '#reload/node/peer-cache.ts';
import type { PlaceStatus } from '#reload/node/place.ts';
import type { NodeId } from '#reload/wire/ids.ts';

interface Deps {
  readonly links: LinkTable;
  readonly cache: PeerCache;
  readonly entrances: BootstrapEntrances;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often directly linked peers are written down for later, in milliseconds. */
const INTERVAL = 60_000;

/** Writes down now and then which peers are linked: next time they may be the way in (RFC 6940 §11.4). */
export class PeerMemory {
  readonly #deps: Deps;
  #timer: Timer | undefined;
  #status: (() => PlaceStatus) | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  start(status: () => PlaceStatus): void {
    this.#status = status;
    this.#timer = this.#deps.clock.after(INTERVAL, () => {
      void this.#remember();
      this.start(status);
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#remember();
  }

  async #remember(): Promise<void> {
    const { predecessors = [], successors = [], uplink } = this.#status?.() ?? { joined: false };
    const linked = new Set([...successors, ...predecessors, ...(uplink === undefined ? [] : [uplink])]);
    try {
      await this.#deps.cache.remember([...linked].flatMap((node) => this.#addressOf(node) ?? []));
    } catch (error) {
      this.#deps.log.warn('peers not written down', { why: messageOf(error) });
    }
  }

  /** Peers without a direct connection are never written down (RFC 6940 §11.4), nor those of which no listening port is known. */
  #addressOf(node: NodeId): BootstrapAddress | undefined {
    return this.#deps.links.get(node) === undefined ? undefined : this.#deps.entrances.addressOf(node);
  }
}
