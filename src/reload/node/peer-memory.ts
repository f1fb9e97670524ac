import { isIP } from 'node:net';
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
/** The port at which a peer is looked for when only its host is known (RFC 6940 §14.2). */
const DEFAULT_PORT = 6084;

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

  #addressOf(node: NodeId): BootstrapAddress | undefined {
    const known = this.#deps.entrances.addressOf(node);
    if (known !== undefined) return known;
    const [host = ''] = (this.#deps.links.get(node)?.remoteAddress ?? '').split(' ');
    return isIP(host) === 0 ? undefined : { address: host, port: DEFAULT_PORT };
  }
}
