import type { Signatory } from '#reload/security/identity.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';

/** Where in a Kind a value sits: the single place, an array index ('append' = 0xffffffff) or a dictionary key. */
export type Place =
  | { readonly model: 'single' }
  | { readonly model: 'array'; readonly index: number | 'append' }
  | { readonly model: 'dictionary'; readonly key: Uint8Array };

/** Requests that are not sent, since every peer would have to refuse them, and one that came too late. */
export type RecordFault =
  | { readonly code: 'unknown-kind'; readonly kind: number }
  /** `generation` of the request is no longer the current one; `present` is what is there now. */
  | { readonly code: 'overtaken'; readonly present: FetchOutcome }
  | { readonly code: 'not-allowed'; readonly reason: string }
  | { readonly code: 'too-large'; readonly length: number; readonly limit: number };

export interface StoreRequest {
  readonly resource: ResourceId;
  readonly kind: number;
  /** `value` undefined removes (exists = false); removals last at least as long as what they remove would. */
  readonly values: readonly { readonly place: Place; readonly value: Uint8Array | undefined }[];
  readonly lifetimeSeconds: number;
  /** 0 (the default) stores unconditionally (RFC 6940 §7.4.1.1); any other that is not current fails with `overtaken`. */
  readonly generation?: bigint;
  readonly signal?: AbortSignal;
}

export interface StoreOutcome {
  readonly generation: bigint;
  readonly replicas: readonly NodeId[];
}

export interface FetchRequest {
  readonly resource: ResourceId;
  readonly kind: number;
  /** Dictionary keys or array ranges to ask for; all by default. */
  readonly keys?: readonly Uint8Array[];
  readonly ranges?: readonly { readonly first: number; readonly last: number }[];
  /** Asks this node in particular instead of the responsible one, for example to check a replica. */
  readonly at?: NodeId;
  readonly signal?: AbortSignal;
}

/** A value whose signature, access policy and lifetime were checked. Absent and removed places are left out. */
export interface FetchedValue {
  readonly place: Place;
  readonly value: Uint8Array;
  /** Milliseconds since 1970, from the signed value. */
  readonly storageTime: bigint;
  readonly lifetimeSeconds: number;
  readonly signatory: Signatory;
}

export interface FetchOutcome {
  /** 0 when nothing was ever stored. */
  readonly generation: bigint;
  readonly values: readonly FetchedValue[];
  /** Values were left out because their signature or their signer's right to write there did not hold (RFC 6940 §7.4.2.2). */
  readonly partial: boolean;
}

/** Signed reads and writes as one identity; usages are written against this. */
export interface RecordClient {
  readonly nodeId: NodeId;
  readonly userName: string;
  /** Both reject with `Failure<ExchangeFault>`, or with `Failure<RecordFault>` when the request can't succeed anywhere. */
  store(request: StoreRequest): Promise<StoreOutcome>;
  fetch(request: FetchRequest): Promise<FetchOutcome>;
}
