import type { NodeId } from '#reload/wire/ids.ts';

/** What a test asks of a peer in another process. */
export type PeerOrder =
  | {
      readonly do: 'start';
      readonly directory: string;
      readonly url: string;
      /** Of the overlay's root. */
      readonly fingerprint: string;
      readonly userName: string;
      readonly bootstrapNodes: readonly { readonly address: string; readonly port: number }[];
    }
  | { readonly do: 'store'; readonly value: string }
  | { readonly do: 'fetch'; readonly owner: NodeId }
  | { readonly do: 'status' }
  | { readonly do: 'stop' };

export interface PeerAnswer {
  readonly result?: unknown;
  readonly error?: string;
}
