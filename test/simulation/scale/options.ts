import type { Latency } from '../memory-network.ts';

/** Ways in which a peer may do harm. */
export const VICES = ['drop', 'misroute', 'lie', 'stale', 'flood'] as const;
export type Vice = (typeof VICES)[number];

/** Everything that the outcome of a run depends on. Times in milliseconds, shares from 0 to 1. */
export interface ScenarioOptions {
  readonly peers: number;
  readonly seed: string;
  /** Length of the measured phase. */
  readonly duration: number;
  readonly records: number;
  readonly lookups: number;
  readonly signatures: 'keyed' | 'ecdsa';
  /** Links as over TLS, or the program's links over datagrams with the framing of DTLS-UDP-SR (RFC 6940 §6.6.3.1). */
  readonly links: 'stream' | 'datagram';
  readonly latency: Latency;
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Mean lifetime of a peer; each that goes is replaced by a newcomer. Undefined: nobody goes. */
  readonly churn: number | undefined;
  /** Part of those that go without a word; the others take their leave. */
  readonly crashShare: number;
  /** The ring falls into halves so long after the measured phase began, and for so long. */
  readonly partition: { readonly at: number; readonly lasts: number } | undefined;
  /** Newcomers that all join at the beginning of the measured phase. */
  readonly flashJoin: number;
  /** Clocks stand up to so much before or behind. */
  readonly skew: number;
  /** Share of peers with each vice; a peer has one at most. */
  readonly malicious: Readonly<Partial<Record<Vice, number>>>;
}

export const DEFAULT_LATENCY: Latency = { min: 5, max: 25 };
