import type { Duplex } from 'node:stream';
import type { MediaSession } from '#media/session.ts';

/** Where a request goes or came from. A stream is a connection that AppAttach made; its Via is answered on the same connection. */
export type SipTarget =
  | { readonly transport: 'udp' | 'tcp'; readonly host: string; readonly port: number }
  | { readonly transport: 'stream'; readonly stream: SipStream };

/** A reliable connection handed to SIP from outside, with the authenticated name at its far end. */
export interface SipStream {
  readonly duplex: Duplex;
  /** The certificate's user name at the far end, for example `gw1@pstn.home.example`. */
  readonly peerName: string;
  /** The far end's Node-ID. */
  readonly peerNode: string;
}

export interface CallOptions {
  readonly target: SipTarget;
  readonly requestUri: string;
  /** From, for example `sip:+4930123@pstn.home.example`; `fromName` is the display name. */
  readonly from: string;
  readonly fromName?: string;
  readonly to: string;
  /** P-Asserted-Identity (RFC 3325), only for trusted targets. */
  readonly assertedIdentity?: string;
  /** For `Privacy: id` (RFC 3323). */
  readonly withheld?: boolean;
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly signal?: AbortSignal;
  /** Reason of the CANCEL (RFC 3326), asked when `signal` aborts. */
  readonly cancelReason?: () => string;
}

/** Why a call did not come about, or ended. `status` is a SIP status code where there was one. */
export interface CallEnd {
  readonly by: 'local' | 'remote' | 'failure';
  readonly status: number | undefined;
  /** The value of the Reason field (RFC 3326) where the far end gave one, else words. */
  readonly reason: string;
}

/** An established or pending call leg. */
export interface Call {
  readonly id: string;
  readonly remoteUri: string;
  readonly media: MediaSession;
  /** The far end pressed its hook flash: RFC 4733 event 16, or an INFO that says so. */
  onFlash(listener: () => void): void;
  /** `reason` is a Reason header value (RFC 3326), for example `Q.850;cause=16`. */
  hangUp(reason?: string): Promise<void>;
  /** Never rejects. */
  readonly ended: Promise<CallEnd>;
}

export interface IncomingCall {
  readonly requestUri: string;
  readonly from: string;
  readonly fromName: string | undefined;
  readonly to: string;
  readonly assertedIdentity: string | undefined;
  readonly withheld: boolean;
  /** Present when the call came over an overlay connection: the name authorisation goes by. */
  readonly peer: { readonly name: string; readonly node: string } | undefined;
  /** Aborts when the caller cancels or the transaction dies before the answer. */
  readonly abandoned: AbortSignal;
  /** Sends 180. */
  ring(): void;
  /** Sends 200 and resolves when the ACK arrived. */
  answer(): Promise<Call>;
  /** `reason` is a Reason header value (RFC 3326), `retryAfterSeconds` goes into Retry-After. */
  reject(status: number, phrase: string, reason?: string, retryAfterSeconds?: number): void;
}

/** Calls over SIP with sound; the TypeScript stack now, a PJSIP child process later. */
export interface CallEngine {
  /** Resolves when the far end answered; rejects with `Failure<CallFault>`. `onRinging` is called at the first 180 or 183. */
  call(options: CallOptions, onRinging?: () => void): Promise<Call>;
  /** One handler answers all incoming calls; without it they get 480. */
  onIncoming(handler: (call: IncomingCall) => void): void;
  stop(): Promise<void>;
}

export interface CallFault {
  readonly code: 'rejected' | 'timeout' | 'aborted' | 'transport' | 'media';
  readonly status: number | undefined;
  /** The value of the Reason field (RFC 3326) of the refusal or the CANCEL. */
  readonly reason?: string | undefined;
}
