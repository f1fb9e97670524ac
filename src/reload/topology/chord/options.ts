/** How a peer keeps its place on the ring. Times in milliseconds; what the configuration document sets comes from there. */
export interface ChordOptions {
  /** Predecessors, and successors, to keep (RFC 6940 §10.7: at least three). */
  readonly neighboursPerSide: number;
  /** A neighbour that was not heard for this long is pinged. */
  readonly livenessInterval: number;
  /** A neighbour under suspicion that does not answer a Ping within this time is given up. */
  readonly suspicionTimeout: number;
  /** Wait between the loss of a successor and new replicas (RFC 6940 §3). */
  readonly holdDown: number;
  /** Wait before copies that were not all taken are made again. */
  readonly copyRetry: number;
  /** Changes within such a time, drawn evenly, go into one Update. */
  readonly coalesce: { readonly min: number; readonly max: number };
  /** Between two looks for a second ring (RFC 6940 §10.7.4.4). */
  readonly partitionInterval: number;
  /** How long the Admitting Peer may take to hand over its data. */
  readonly joinTimeout: number;
  /** Between attempts to join again; doubles from `first` up to `max`. */
  readonly rejoinBackoff: { readonly first: number; readonly max: number };
  /** How long a leaving peer waits for LeaveAns. */
  readonly leaveTimeout: number;
  /** A node that could not be attached is not tried again for so long on hearsay. */
  readonly unreachableFor: number;
}

export const defaultChordOptions: ChordOptions = {
  neighboursPerSide: 3,
  livenessInterval: 15_000,
  suspicionTimeout: 3000,
  holdDown: 30_000,
  copyRetry: 5000,
  coalesce: { min: 100, max: 500 },
  partitionInterval: 300_000,
  joinTimeout: 60_000,
  rejoinBackoff: { first: 1000, max: 60_000 },
  leaveTimeout: 2000,
  unreachableFor: 30_000,
};
