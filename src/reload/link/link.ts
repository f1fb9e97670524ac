import type { Duplex } from 'node:stream';
import type { Failure } from '#platform/failure.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import type { NodeId } from '#reload/wire/ids.ts';

export type LinkFault =
  | { readonly code: 'closed' }
  | { readonly code: 'unreachable' }
  | { readonly code: 'timeout' }
  | { readonly code: 'certificate'; readonly detail: string }
  | { readonly code: 'wrong-node'; readonly expected: NodeId; readonly found: readonly NodeId[] }
  | { readonly code: 'shared-secret' }
  | { readonly code: 'framing'; readonly detail: string }
  | { readonly code: 'too-large'; readonly length: number };

/** What the owner of a link is told. Set by `Link.attach`, never null afterwards. */
export interface LinkObserver {
  message(bytes: Uint8Array): void;
  /** The link stopped answering ACKs (true) or answers again (false), RFC 6940 §6.6.5. */
  suspect(suspected: boolean): void;
  closed(reason: Failure<LinkFault>): void;
}

/** A connection to one other node that carries RELOAD messages (RFC 6940 §6.6). Its certificate was checked before it came into being. */
export interface Link {
  readonly peer: Certificate;
  /** Known at once when the certificate holds one Node-ID or the link was made by Attach; else undefined until `bind`. */
  readonly nodeId: NodeId | undefined;
  readonly remoteAddress: string;
  /** Bytes of the largest message that leaves in one packet. Absent where the link takes any message, as byte streams do. */
  readonly mtu?: number;
  bind(nodeId: NodeId): void;
  /** Messages that arrived before are delivered now, in order. */
  observe(observer: LinkObserver): void;
  /** Queues one message. On a closed link it does nothing: the observer has been told. */
  send(message: Uint8Array): void;
  close(reason?: Failure<LinkFault>): void;
}

/** A connection made by AppAttach (RFC 6940 §6.5.2): mutually authenticated, without RELOAD framing. */
export interface AppConnection {
  readonly stream: Duplex;
  readonly peer: Certificate;
  readonly nodeId: NodeId;
}

export interface Listener {
  readonly addresses: readonly IpAddressPort[];
  close(): Promise<void>;
}

/** A one-shot listener, the passive side of an Attach or AppAttach. It closes after one accepted connection, on `close`, or after 15 s. */
export interface Offer<Connection> {
  readonly addresses: readonly IpAddressPort[];
  /** Resolves with the connection whose certificate holds `expected`; others are refused and logged. */
  accept(expected: NodeId, signal: AbortSignal): Promise<Connection>;
  close(): void;
}

/** How one identity makes and takes connections: TLS on real sockets, or the simulated network. */
export interface OverlayTransport {
  /** OverlayLinkType for candidates, for example 4 = TLS-TCP-FH-NO-ICE (RFC 6940 §14.10). */
  readonly overlayLink: number;
  /** The bootstrap port: takes links from any node with a valid certificate. */
  listen(at: { readonly host: string; readonly port: number }, accept: (link: Link) => void): Promise<Listener>;
  offerLink(): Promise<Offer<Link>>;
  offerApplication(): Promise<Offer<AppConnection>>;
  /** Tries the addresses in order. `expected` is undefined only towards bootstrap nodes. */
  dialLink(addresses: readonly IpAddressPort[], expected: NodeId | undefined, signal: AbortSignal): Promise<Link>;
  dialApplication(addresses: readonly IpAddressPort[], expected: NodeId, signal: AbortSignal): Promise<AppConnection>;
}
