/** What `demo --json` prints as its last line: measured values throughout. Frequencies in Hz, times in ms. */
export interface DemoReport {
  readonly ok: boolean;
  /** What did not hold; empty when `ok`. */
  readonly faults: readonly string[];
  readonly phone: 'baresip' | 'copperring';
  /** Members of the ring. */
  readonly peers: number;
  readonly discovery: { readonly namespace: string; readonly nodeId: string; readonly ms: number };
  readonly outbound: {
    readonly answered: boolean;
    readonly phoneSentHz: number;
    readonly phoneHeardHz: number;
    readonly lineSentHz: number;
    readonly lineHeardHz: number;
    readonly dtmfSent: string;
    readonly dtmf: string;
    readonly setupMs: number;
  };
  readonly inbound: {
    readonly callerId: string;
    readonly answered: boolean;
    readonly phoneSentHz: number;
    readonly phoneHeardHz: number;
    readonly lineSentHz: number;
    readonly lineHeardHz: number;
  };
  readonly peerKilled: PeerLost;
  readonly peerStopped: PeerLost;
  readonly gatewayRestart: { readonly sameNodeId: boolean; readonly rediscoveredMs: number };
}

export interface PeerLost {
  readonly callSurvived: boolean;
  readonly records: number;
  readonly recordsLost: number;
  /** From the loss until every record was fetched through every survivor. */
  readonly recoveredMs: number;
}

/** Within 2 %. */
export function sameTone(heard: number, sent: number): boolean {
  return sent > 0 && Math.abs(heard - sent) <= 0.02 * sent;
}
