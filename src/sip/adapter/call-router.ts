import type { SipTarget } from '#sip/ua/call-engine.ts';

/** A request that the proxy must find a way for. */
export interface RouteQuestion {
  readonly method: string;
  readonly requestUri: string;
  /** The AOR (`user@domain`) of the authenticated phone it came from, or the peer's certificate name when it came over the overlay. */
  readonly caller: string;
  readonly fromOverlay: boolean;
}

export type RouteAnswer =
  /**
   * Fork to phones registered here under this AOR. With `elseLocalAfterMs` the call engine of this process takes the call when all
   * refuse it, or when nobody has answered for so long.
   */
  | { readonly kind: 'registered'; readonly aor: string; readonly elseLocalAfterMs?: number | undefined }
  /** Forward, trying the targets in order: the next on 5xx, 6xx excepted, and on time-out. */
  | { readonly kind: 'targets'; readonly targets: readonly RouteTarget[] }
  /** Hand it to the call engine of this process (own line). */
  | { readonly kind: 'local' }
  | {
      readonly kind: 'reject';
      readonly status: number;
      readonly phrase: string;
      /** For Retry-After (RFC 3261 §20.33). */
      readonly retryAfterSeconds?: number;
    };

export interface RouteTarget {
  readonly requestUri: string;
  /** Opened only when this target's turn comes. Rejection counts as a failed target. */
  open(signal: AbortSignal): Promise<SipTarget>;
}

/** Declared by SIP, answered by the gateway layer: where does a request go? */
export interface CallRouter {
  route(question: RouteQuestion, signal: AbortSignal): Promise<RouteAnswer>;
}

/** Told by the registrar, so that the overlay's registrations follow the phones'. */
export interface RegistrationObserver {
  /** `expiresMs` of the longest-lived binding; 0 = no binding is left. */
  registration(aor: string, expiresMs: number): void;
}
