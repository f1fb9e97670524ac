import type { ReturnMode } from '#reload/forwarding/return-state.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import { type ChordOptions, defaultChordOptions } from '#reload/topology/chord/options.ts';

export interface ReloadNodeOptions {
  /** A peer stores and routes; a client does neither (RFC 6940 §4.2). */
  readonly mode: 'peer' | 'client';
  /** Where a peer takes links from nodes that look for the overlay; by default it takes none. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** In place of the document's bootstrap nodes. */
  readonly bootstrapNodes?: readonly BootstrapAddress[];
  /** Whether this peer may be the first of the overlay when it finds nobody (RFC 6940 §6.4.2.1). */
  readonly foundRing?: boolean;
  /** How a peer keeps its place on the ring, and how long anybody waits for others. */
  readonly timers?: Partial<ChordOptions>;
  /** How long `start` tries to get into the overlay, in milliseconds; by default 30 s. */
  readonly startTimeout?: number;
  /** How a peer remembers where requests come from that it passes on; by default in their Via Lists (RFC 6940 §6.1.2). */
  readonly returnMode?: ReturnMode;
  /** Most records a peer keeps. */
  readonly maxRecords?: number;
}

export const START_TIMEOUT = 30_000;

export function chordOptions(options: ReloadNodeOptions): ChordOptions {
  return { ...defaultChordOptions, ...options.timers };
}
