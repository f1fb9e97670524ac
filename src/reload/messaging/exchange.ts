import type { Failure } from '#platform/failure.ts';
import type { Signatory } from '#reload/security/identity.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { ForwardingHeader } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { MessageExtension } from '#reload/wire/message-contents.ts';

/** Why a request got no success answer. Remote and local faults stay apart. */
export type ExchangeFault =
  | { readonly code: 'timeout' }
  | { readonly code: 'unreachable' }
  | { readonly code: 'stopped' }
  | { readonly code: 'too-large'; readonly length: number }
  | { readonly code: 'remote'; readonly errorCode: number; readonly info: Uint8Array; readonly signatory: Signatory };

export interface Request {
  readonly destination: readonly Destination[];
  /** Message code of the request (RFC 6940 §14.8). */
  readonly code: number;
  readonly body: Uint8Array;
  readonly extensions?: readonly MessageExtension[];
  /** Certificates (DER) to carry beside the sender's own: those of stored values' signers. */
  readonly certificates?: readonly Uint8Array[];
  readonly maxResponseLength?: number;
  /** Sends over this neighbour's link whatever routing says: joiners and clients (RFC 6940 §10.5). */
  readonly firstHop?: NodeId;
  /** Milliseconds until the request is given up; by default overlay-reliability-timer x 5 (RFC 6940 §6.2.1). */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly code: number;
  readonly body: Uint8Array;
  readonly extensions: readonly MessageExtension[];
  readonly signatory: Signatory;
  /** Every certificate of the answer's security block (DER), unchecked. */
  readonly certificates: readonly Uint8Array[];
}

export interface IncomingRequest {
  readonly header: ForwardingHeader;
  readonly code: number;
  readonly body: Uint8Array;
  readonly extensions: readonly MessageExtension[];
  readonly signatory: Signatory;
  readonly certificates: readonly Uint8Array[];
  /** The neighbour that handed the message over; this node's own id for requests to itself. */
  readonly previousHop: NodeId;
}

export interface Response {
  readonly body: Uint8Array;
  readonly extensions?: readonly MessageExtension[];
  readonly certificates?: readonly Uint8Array[];
}

/** Handles one message code; its return value is the answer. Throwing `Failure<Refusal>` sends the signed Error response. */
export type RequestHandler = (request: IncomingRequest) => Response | Promise<Response>;

/** Why a handler refuses; mapped to RELOAD error codes in one file (messaging/refusal.ts). */
export interface Refusal {
  readonly code: 'refused';
  readonly errorCode: number;
  readonly info: Uint8Array;
}
export type RefusalFailure = Failure<Refusal>;

/** End-to-end requests and answers of one node (RFC 6940 §6.2). */
export interface Exchange {
  /** Resolves with the success answer, or rejects with `Failure<ExchangeFault>`. */
  request(request: Request): Promise<Answer>;
  handle(code: number, handler: RequestHandler): void;
}
