import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { LinkTable } from '#reload/forwarding/link-table.ts';
import type { Link, LinkFault } from '#reload/link/link.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** How long the other side's handshake may take, in milliseconds. */
const PATIENCE = 15_000;

/** Waits for links that another part, or the other side, is opening. */
export class LinkWaiter {
  readonly #links: LinkTable;
  readonly #clock: Clock;
  readonly #waiting = new Map<NodeId, Set<(link: Link) => void>>();

  constructor(deps: { readonly links: LinkTable; readonly clock: Clock }) {
    this.#links = deps.links;
    this.#clock = deps.clock;
  }

  /** To be called for each link that comes up. */
  up(nodeId: NodeId): void {
    const link = this.#links.get(nodeId);
    if (link === undefined) return;
    for (const resolve of this.#waiting.get(nodeId) ?? []) resolve(link);
  }

  /** Resolves with the link to `nodeId`, at once when it is open; rejects after 15 s or when the signal aborts. */
  async linkTo(nodeId: NodeId, signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    const open = this.#links.get(nodeId);
    if (open !== undefined) return open;
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(nodeId) ?? new Set();
      this.#waiting.set(nodeId, waiters);
      const end = () => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
        waiters.delete(found);
        if (waiters.size === 0) this.#waiting.delete(nodeId);
      };
      const found = (link: Link) => {
        end();
        resolve(link);
      };
      const onAbort = () => {
        end();
        reject(signal.reason);
      };
      const timer = this.#clock.after(PATIENCE, () => {
        end();
        reject(new Failure<LinkFault>({ code: 'timeout' }, `no link to ${nodeId} came up within 15 s`));
      });
      waiters.add(found);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
