import { isIP } from 'node:net';
import type { Direction, SdpCodec, SdpMedia } from '#media/sdp.ts';
import type { MediaFault } from '#media/session.ts';
import { Failure } from '#platform/failure.ts';

export const TELEPHONE_EVENT = 'TELEPHONE-EVENT';

/** What an offer of this process holds, best first. */
export const OFFERED_CODECS: readonly SdpCodec[] = [
  { payloadType: 0, name: 'PCMU', clockRate: 8000 },
  { payloadType: 8, name: 'PCMA', clockRate: 8000 },
  { payloadType: 101, name: TELEPHONE_EVENT, clockRate: 8000 },
];

/** What both sides agreed on. */
export interface Agreement {
  /** Index of the peer's media that carries the call. */
  readonly mediaIndex: number;
  readonly codec: SdpCodec;
  readonly events: SdpCodec | undefined;
  /** The local view of the direction. */
  readonly direction: Direction;
  /** Where sound goes; undefined on hold by the old 0.0.0.0 (RFC 3264 §8.4). */
  readonly address: string | undefined;
  readonly port: number;
  readonly rtcpPort: number;
}

const MIRRORED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/**
 * Takes the first audio stream over RTP with a codec known here; among its codecs the peer's order decides (RFC 3264 §6.1).
 * Throws `Failure<MediaFault>`.
 */
export function agree(media: readonly SdpMedia[]): Agreement {
  for (const [mediaIndex, theirs] of media.entries()) {
    const usable = theirs.type === 'audio' && theirs.port !== 0 && theirs.protocol.startsWith('RTP/AVP');
    if (!usable || theirs.protocol.includes('SAVP')) continue;
    const known = theirs.codecs.filter((codec) => isOffered(codec));
    const codec = known.find(({ name }) => name !== TELEPHONE_EVENT);
    if (!codec) continue;
    const events = known.find(({ name }) => name === TELEPHONE_EVENT);
    if (theirs.address === undefined || isIP(theirs.address) === 0) {
      throw new Failure<MediaFault>(
        { code: 'bad-description', detail: 'no address' },
        'the session description names no IP address for its sound; host names are not supported',
      );
    }
    const held = theirs.address === '0.0.0.0' || theirs.address === '::';
    return {
      mediaIndex,
      codec,
      events,
      direction: MIRRORED[theirs.direction],
      address: held ? undefined : theirs.address,
      port: theirs.port,
      rtcpPort: theirs.rtcpPort,
    };
  }
  throw new Failure<MediaFault>(
    { code: 'no-common-codec' },
    'the peer offers no plain RTP audio in PCMU or PCMA; enable one of them at the peer',
  );
}

function isOffered(codec: SdpCodec): boolean {
  return OFFERED_CODECS.some(({ name, clockRate }) => name === codec.name && clockRate === codec.clockRate);
}
