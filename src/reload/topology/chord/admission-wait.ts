import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { TopologyFault } from '#reload/topology/chord/core.ts';
import { byDistanceFrom, within } from '#reload/topology/chord/ring.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { ChordUpdate } from '#reload/wire/update.ts';

/** The joiner's wait for the Update that makes it a peer (RFC 6940 §10.5, step 7). */
export class AdmissionWait {
  readonly #clock: Clock;
  readonly #self: NodeId;
  #awaited: { readonly from: NodeId; admitted(): void; superseded(): void } | undefined;
  /** Asked in this join. Their Update counts even when it comes while nobody waits: they take this node for a peer from then on. */
  readonly #asked = new Set<NodeId>();

  constructor(deps: { readonly clock: Clock; readonly nodeId: NodeId }) {
    this.#clock = deps.clock;
    this.#self = deps.nodeId;
  }

  /** Before a join begins: whom an earlier one asked says nothing any more. */
  reset(): void {
    this.#asked.clear();
  }

  /** Resolves when `from` made this node its predecessor; rejects when another stands between, or it says nothing for `ms`. */
  begin(from: NodeId, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const settle = (act: () => void) => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        this.#awaited = undefined;
        act();
      };
      const fail = (fault: TopologyFault, text: string) => settle(() => reject(new Failure(fault, text)));
      const abort = () => settle(() => reject(signal.reason));
      const timer = this.#clock.after(ms, () =>
        fail({ code: 'join-timeout' }, 'the admitting peer did not make this node its predecessor in time'),
      );
      signal.addEventListener('abort', abort, { once: true });
      this.#asked.add(from);
      this.#awaited = {
        from,
        admitted: () => settle(resolve),
        superseded: () => fail({ code: 'superseded' }, 'another peer joined between this node and its admitting peer'),
      };
    });
  }

  /** Looks at an Update. When it admits this node, the result says who stands before it, if the sender knows. */
  take(from: NodeId, update: ChordUpdate): { readonly before: NodeId | undefined } | undefined {
    if (!this.#asked.has(from) || update.type === 'peer_ready') return undefined;
    const farthestFirst = [...update.predecessors].sort(byDistanceFrom(from));
    const nearest = farthestFirst.at(-1);
    if (nearest !== this.#self) {
      // An Update about something else, sent before this node's turn came, is no refusal: only a peer in between is.
      const isBetween = nearest !== undefined && nearest !== from && within(nearest, this.#self, from);
      if (isBetween && this.#awaited?.from === from) this.#awaited.superseded();
      return undefined;
    }
    this.#awaited?.admitted();
    const before = farthestFirst.at(-2);
    return { before: before === from ? undefined : before };
  }
}
