import { refuse } from '#reload/messaging/refusal.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { ErrorCode, isNoIce, OverlayLinkType } from '#reload/wire/codes.ts';
import type { IceCandidate } from '#reload/wire/ice-candidate.ts';

/** Addresses of one Attach that are dialled; more make no host easier to reach. */
const MAX_ADDRESSES = 16;
/** The port of a side that only dials (RFC 4145 §4.1). */
const DISCARD_PORT = 9;
/** Type preference of host candidates (RFC 8445 §5.1.2). */
const HOST_PREFERENCE = 126;

/** The listening addresses of a requester, the first preferred (RFC 6940 §6.6.5). */
export function passiveCandidates(addresses: readonly IpAddressPort[], overlayLink: number): readonly IceCandidate[] {
  return addresses.map((addrPort, index) => hostCandidate(addrPort, overlayLink, index));
}

/** The answerer dials, so its one candidate only says by which kind of link. */
export function activeCandidates(overlayLink: number): readonly IceCandidate[] {
  return [hostCandidate({ type: 'ipv4', address: '0.0.0.0', port: DISCARD_PORT }, overlayLink, 0)];
}

/**
 * The addresses that can be dialled, best first. Candidates of unknown link types are passed over; a list of ICE and No-ICE candidates
 * together, or without one that can be used, is an invalid message (RFC 6940 §6.5.1.1).
 */
export function addressesOf(candidates: readonly IceCandidate[], overlayLink: number): readonly IpAddressPort[] {
  const types = new Set(candidates.map((candidate) => candidate.overlayLink));
  if (types.has(OverlayLinkType.dtlsUdpSr) && [...types].some(isNoIce)) {
    throw refuse(ErrorCode.invalidMessage, 'ICE and No-ICE candidates in one list');
  }
  const usable = candidates
    .filter((candidate) => candidate.overlayLink === overlayLink && isReachable(candidate.addrPort))
    .sort((a, b) => b.priority - a.priority)
    .slice(0, MAX_ADDRESSES);
  if (usable.length === 0) throw refuse(ErrorCode.invalidMessage, `no candidate for link type ${overlayLink}`);
  return usable.map((candidate) => candidate.addrPort);
}

function hostCandidate(addrPort: IpAddressPort, overlayLink: number, index: number): IceCandidate {
  // RFC 8445 §5.1.2.1: type preference, local preference, component 1.
  const priority = HOST_PREFERENCE * 2 ** 24 + (65535 - index) * 2 ** 8 + 255;
  return { addrPort, overlayLink, foundation: String(index + 1), priority, type: 'host', extensions: [] };
}

function isReachable(address: IpAddressPort): boolean {
  return address.type !== 'unknown' && address.port !== 0;
}
