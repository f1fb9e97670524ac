/** Message codes (RFC 6940 §14.8, RFC 7851 §9). Requests are odd; the answer to request n is n + 1. */
export const MessageCode = {
  probeReq: 0x1,
  probeAns: 0x2,
  attachReq: 0x3,
  attachAns: 0x4,
  storeReq: 0x7,
  storeAns: 0x8,
  fetchReq: 0x9,
  fetchAns: 0xa,
  findReq: 0xd,
  findAns: 0xe,
  joinReq: 0xf,
  joinAns: 0x10,
  leaveReq: 0x11,
  leaveAns: 0x12,
  updateReq: 0x13,
  updateAns: 0x14,
  routeQueryReq: 0x15,
  routeQueryAns: 0x16,
  pingReq: 0x17,
  pingAns: 0x18,
  statReq: 0x19,
  statAns: 0x1a,
  appAttachReq: 0x1d,
  appAttachAns: 0x1e,
  configUpdateReq: 0x21,
  configUpdateAns: 0x22,
  pathTrackReq: 0x27,
  pathTrackAns: 0x28,
  error: 0xffff,
} as const;
export type MessageCode = (typeof MessageCode)[keyof typeof MessageCode];

/** Whether a message of this code asks for an answer (RFC 6940 §6.3.3). */
export function isRequestCode(code: number): boolean {
  return code % 2 === 1 && code < 0x8000;
}

/** Error codes (RFC 6940 §14.9, RFC 7851 §9.5); 0x12 and 0x13 are for experiments (RFC 6940 §6.3.3.1). */
export const ErrorCode = {
  forbidden: 0x2,
  notFound: 0x3,
  requestTimeout: 0x4,
  generationCounterTooLow: 0x5,
  incompatibleWithOverlay: 0x6,
  unsupportedForwardingOption: 0x7,
  dataTooLarge: 0x8,
  dataTooOld: 0x9,
  ttlExceeded: 0xa,
  messageTooLarge: 0xb,
  unknownKind: 0xc,
  unknownExtension: 0xd,
  responseTooLarge: 0xe,
  configTooOld: 0xf,
  configTooNew: 0x10,
  inProgress: 0x11,
  invalidMessage: 0x14,
  underlayDestinationUnreachable: 0x15,
  underlayTimeExceeded: 0x16,
  messageExpired: 0x17,
  upstreamMisrouting: 0x18,
  loopDetected: 0x19,
  ttlHopsExceeded: 0x1a,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Kind-IDs (RFC 6940 §14.6, RFC 7904 §9, RFC 7374 §9); from 0xF0000001 on private to an overlay. */
export const KindId = {
  sipRegistration: 0x1,
  turnService: 0x2,
  certificateByNode: 0x3,
  certificateByUser: 0x10,
  redir: 0x104,
  pstnGateway: 0xf0000001,
  sipProxy: 0xf0000002,
} as const;
export type KindId = (typeof KindId)[keyof typeof KindId];

/** Overlay link types (RFC 6940 §14.10). */
export const OverlayLinkType = {
  dtlsUdpSr: 1,
  dtlsUdpSrNoIce: 3,
  tlsTcpFhNoIce: 4,
} as const;
export type OverlayLinkType = (typeof OverlayLinkType)[keyof typeof OverlayLinkType];

/** Link types for use without ICE carry it in their name (RFC 6940 §6.5.1.1). */
export function isNoIce(overlayLink: number): boolean {
  return overlayLink === OverlayLinkType.dtlsUdpSrNoIce || overlayLink === OverlayLinkType.tlsTcpFhNoIce;
}

/** Message extension types (RFC 7851 §9.6, RFC 7363 §7.2). */
export const MessageExtensionType = { diagnosticPing: 0x2, selfTuningData: 0x3 } as const;

/** Forwarding option types (RFC 7263 §8.3). */
export const ForwardingOptionType = { extensiveRoutingMode: 0x2 } as const;

/** Bits of ForwardingOption.flags (RFC 6940 §6.3.2.3, RFC 7263 §8.1). */
export const ForwardingFlag = {
  forwardCritical: 0x01,
  destinationCritical: 0x02,
  responseCopy: 0x04,
  ignoreStateKeeping: 0x08,
} as const;

/** Hash algorithms of TLS 1.2 (RFC 5246 §7.4.1.4.1). */
export const HashAlgorithm = { none: 0, sha1: 2, sha224: 3, sha256: 4, sha384: 5, sha512: 6 } as const;

/** Certificate types (RFC 6091 §6). */
export const CertificateType = { x509: 0, openPgp: 1 } as const;
