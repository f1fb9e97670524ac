/**
 * The way between this element and one other: a connection, or a UDP socket and a remote address (RFC 5626 §2).
 * Answers and requests of a dialog go back over the flow that the first request came or went over.
 */
export interface Flow {
  /** Names the flow within this process for as long as it lives; `SipTransport.flowOf` finds it again. */
  readonly key: string;
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  readonly reliable: boolean;
  /** Sent-by of messages that leave over it; IPv6 without brackets. No port: the scheme's default or none at all. */
  readonly localHost: string;
  readonly localPort: number | undefined;
  readonly remoteHost: string;
  readonly remotePort: number;
  /** Who stands at the far end of an overlay connection, by its certificate. */
  readonly peer: FlowPeer | undefined;
  readonly closed: boolean;
  /** Never throws. `failed` is called later, at most once, when the bytes could not be handed over. */
  send(bytes: Uint8Array, failed?: (reason: Error) => void): void;
}

export interface FlowPeer {
  readonly name: string;
  readonly node: string;
}

export type TransportFault =
  | { readonly code: 'no-socket'; readonly transport: string; readonly family: string }
  | { readonly code: 'unreachable'; readonly host: string }
  | { readonly code: 'too-many-connections' }
  | { readonly code: 'closed' };
