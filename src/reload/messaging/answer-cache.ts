import type { Incoming } from '#reload/forwarding/forwarder.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Answers kept for retransmitted requests, and the bytes they may hold together. */
const MAX_ENTRIES = 4096;
const MAX_BYTES = 8 << 20;

/** What an answer needs of its request. */
export type Asking = Pick<Incoming, 'header' | 'returnPath'>;

export interface CachedAnswer {
  readonly expires: number;
  /** The newest copy of the request: its way back is the one to use. Its contents are not kept. */
  latest: Asking;
  /** Contents and security block of the answer; undefined while the handler runs. */
  payload: Uint8Array | undefined;
}

/**
 * Remembers requests by signer and transaction id, so that a second copy gets the first one's answer and is not processed again
 * (RFC 6940 §6.2.1). Copies may arrive over other neighbours, hence the previous hop is no part of the key.
 */
export class AnswerCache {
  readonly #entries = new Map<string, CachedAnswer>();
  #bytes = 0;

  get size(): number {
    return this.#entries.size;
  }

  find(signer: NodeId, transactionId: bigint, now: number): CachedAnswer | undefined {
    const entry = this.#entries.get(keyOf(signer, transactionId));
    return entry !== undefined && entry.expires > now ? entry : undefined;
  }

  begin(
    signer: NodeId,
    { header, returnPath }: Asking,
    times: { readonly now: number; readonly lifetime: number },
  ): CachedAnswer {
    this.#forgetOld(times.now);
    const key = keyOf(signer, header.transactionId);
    const entry: CachedAnswer = {
      expires: times.now + times.lifetime,
      latest: { header, returnPath },
      payload: undefined,
    };
    this.#remove(key);
    this.#entries.set(key, entry);
    return entry;
  }

  finish(entry: CachedAnswer, payload: Uint8Array): void {
    entry.payload = payload;
    this.#bytes += payload.length;
  }

  /** All entries live equally long, so the oldest come first. */
  #forgetOld(now: number): void {
    for (const [key, entry] of this.#entries) {
      const full = this.#entries.size >= MAX_ENTRIES || this.#bytes > MAX_BYTES;
      if (!full && entry.expires > now) return;
      this.#remove(key);
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.payload?.length ?? 0;
  }
}

function keyOf(signer: NodeId, transactionId: bigint): string {
  return `${signer}/${transactionId.toString(16)}`;
}
