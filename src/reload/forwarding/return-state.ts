import { toHex } from '#platform/bytes.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import type { Random } from '#platform/random.ts';
import { returnPath } from '#reload/forwarding/route.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { HeaderFields } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/**
 * How a peer on the way remembers where a request came from (RFC 6940 §6.1.2): `list` adds to the Via List and keeps nothing itself;
 * `opaque` puts one opaque id in place of the whole list; `transaction` leaves the list alone and goes by the transaction id.
 */
export type ReturnMode = 'list' | 'opaque' | 'transaction';

export interface ReturnStateOptions {
  readonly self: NodeId;
  readonly mode: ReturnMode;
  /** How long what is kept stays, at least, in milliseconds: asked when it is put away. */
  readonly lifetime: () => number;
}

/** Requests on their way whose way back is kept here. When there are more, the Via List takes them, which costs nothing here. */
const MAX_ENTRIES = 16_384;
/** Destinations in the ways back that are kept, together: a request may bring thousands. */
const MAX_DESTINATIONS = 65_536;
/** From this many entries on a Via List is kept here in any mode, since it grows with every hop. */
const LONG_LIST = 24;
/** What a ttl allows; a longer way is nobody's. */
const MAX_PATH = 255;
/** Long enough that nobody guesses one. */
const ID_BYTES = 8;

interface Entry {
  readonly key: string;
  readonly id: Uint8Array | undefined;
  /** Destination List from here back to the sender. */
  readonly path: readonly Destination[];
  expires: number;
}

/** The ways back of requests that passed by, where they are not in the messages themselves. Bounded, and empty again after a while. */
export class ReturnState {
  readonly #deps: { readonly clock: Clock; readonly random: Random };
  readonly #options: ReturnStateOptions;
  /** In the order in which they expire. */
  readonly #entries = new Map<string, Entry>();
  /** The keys of `opaque` entries, by id. */
  readonly #byId = new Map<string, string>();
  #destinations = 0;
  #timer: Timer | undefined;

  constructor(deps: { readonly clock: Clock; readonly random: Random }, options: ReturnStateOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether the Via List of such a request is not simply added to. */
  keeps(header: HeaderFields): boolean {
    return this.#options.mode !== 'list' || header.viaList.length >= LONG_LIST;
  }

  /** The Via List with which a request from `previousHop` goes on to `next`. */
  viaList(header: HeaderFields, previousHop: Destination, next: NodeId): readonly Destination[] {
    const { mode } = this.#options;
    if (mode === 'transaction') {
      const kept = this.#keep(transactionKey(header.transactionId, next), { opaque: false, path: [previousHop] });
      if (kept !== undefined) return header.viaList;
    }
    const path = returnPath(header, previousHop);
    if ((mode === 'opaque' || path.length > LONG_LIST) && path.length <= MAX_PATH) {
      // All fragments and copies of one message get the same id (RFC 6940 §6.7).
      const kept = this.#keep(`${header.transactionId}|${path.map(pathKey).join()}`, { opaque: true, path });
      if (kept?.id !== undefined) return [{ type: 'opaque', id: kept.id, compact: false }];
    }
    return [...header.viaList, previousHop];
  }

  /**
   * The Destination List of an answer that came from `from`, with what is kept here put back in (RFC 6940 §6.1.1). Messages for which
   * nothing is kept are left as they are.
   */
  destinationList(header: HeaderFields, from: Destination): readonly Destination[] {
    const { self } = this.#options;
    const [first, second] = header.destinationList;
    if (this.#entries.size === 0 || first?.type !== 'node' || first.id !== self) return header.destinationList;
    const replaced = second?.type === 'opaque' ? this.#entries.get(this.#byId.get(toHex(second.id)) ?? '') : undefined;
    if (replaced !== undefined) return [first, ...replaced.path, ...header.destinationList.slice(2)];
    if (from.type !== 'node') return header.destinationList;
    const left = this.#entries.get(transactionKey(header.transactionId, from.id));
    return left === undefined ? header.destinationList : [first, ...left.path, ...header.destinationList.slice(1)];
  }

  /** Puts a way back away, or keeps the one that is there for longer; undefined when there is no room. */
  #keep(key: string, what: { readonly opaque: boolean; readonly path: readonly Destination[] }): Entry | undefined {
    const { clock, random } = this.#deps;
    const known = this.#entries.get(key);
    const destinations = this.#destinations - (known?.path.length ?? 0) + what.path.length;
    if (destinations > MAX_DESTINATIONS || (known === undefined && this.#entries.size >= MAX_ENTRIES)) return undefined;
    this.#destinations = destinations;
    const id = what.opaque ? (known?.id ?? random.bytes(ID_BYTES)) : undefined;
    const entry = { key, id, path: what.path, expires: clock.now() + this.#options.lifetime() };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (id !== undefined) this.#byId.set(toHex(id), key);
    this.#timer ??= clock.after(this.#options.lifetime(), () => this.#sweep());
    return entry;
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#deps.clock.now();
    for (const [key, entry] of this.#entries) {
      if (entry.expires > now) {
        this.#timer = this.#deps.clock.after(entry.expires - now, () => this.#sweep());
        return;
      }
      this.#entries.delete(key);
      this.#destinations -= entry.path.length;
      if (entry.id !== undefined) this.#byId.delete(toHex(entry.id));
    }
  }
}

/** Who it went to is part of the key: only that node may use it, and a request is never taken for its own answer. */
function transactionKey(transactionId: bigint, next: NodeId): string {
  return `${transactionId}>${next}`;
}

function pathKey(entry: Destination): string {
  if (entry.type === 'unknown') return `${entry.code}:${toHex(entry.data)}`;
  return entry.type === 'opaque' ? toHex(entry.id) : entry.id;
}
