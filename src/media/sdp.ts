import type { MediaFault } from '#media/session.ts';
import { Failure } from '#platform/failure.ts';

/** sendrecv and its restrictions (RFC 8866 §6.7), as their author sees them. */
export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface SdpCodec {
  readonly payloadType: number;
  /** Upper case. */
  readonly name: string;
  readonly clockRate: number;
}

export interface SdpMedia {
  readonly type: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Its own c= line, else the session's. */
  readonly address: string | undefined;
  readonly direction: Direction;
  readonly codecs: readonly SdpCodec[];
  /** a=rtcp (RFC 3605); by default the port above. */
  readonly rtcpPort: number;
}

const MAX_LENGTH = 16_384;
const MAX_MEDIA = 16;
const MAX_FORMATS = 64;
/** Static payload types that need no rtpmap (RFC 3551 §6). */
const STATIC_CODECS: ReadonlyMap<number, string> = new Map([
  [0, 'PCMU'],
  [8, 'PCMA'],
]);
const DIRECTIONS: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

interface OpenMedia {
  type: string;
  port: number;
  protocol: string;
  formats: string[];
  address: string | undefined;
  direction: Direction | undefined;
  codecs: Map<number, SdpCodec>;
  rtcpPort: number | undefined;
}

/** Reads the media of a session description (RFC 8866), those lines that telephone calls need; other lines are skipped. */
export function parseSdp(text: string): readonly SdpMedia[] {
  if (text.length > MAX_LENGTH) throw bad(`it is longer than ${MAX_LENGTH} characters`);
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  if (lines[0] !== 'v=0') throw bad('it does not start with v=0');
  const media: OpenMedia[] = [];
  const session = { address: undefined as string | undefined, direction: undefined as Direction | undefined };
  for (const line of lines) {
    const value = line.slice(2);
    if (line.startsWith('m=')) {
      if (media.length >= MAX_MEDIA) throw bad(`it has more than ${MAX_MEDIA} media`);
      media.push(readMediaLine(value));
      continue;
    }
    const current = media.at(-1);
    if (line.startsWith('c=')) (current ?? session).address = readConnection(value);
    else if (line.startsWith('a=')) readAttribute(value, current, session);
  }
  return media.map((open) => close(open, session));
}

function readMediaLine(value: string): OpenMedia {
  const [type = '', port = '', protocol = '', ...formats] = value.split(' ').filter((word) => word !== '');
  const number = Number(port.split('/', 1)[0]);
  if (!Number.isInteger(number) || number < 0 || number > 65_535 || protocol === '')
    throw bad('an m= line is malformed');
  if (formats.length > MAX_FORMATS) throw bad(`a media has more than ${MAX_FORMATS} formats`);
  return {
    type,
    port: number,
    protocol,
    formats,
    address: undefined,
    direction: undefined,
    codecs: new Map(),
    rtcpPort: undefined,
  };
}

function readConnection(value: string): string {
  const [network, family, address = ''] = value.split(' ');
  if (network !== 'IN' || (family !== 'IP4' && family !== 'IP6')) throw bad('a c= line is malformed');
  return address.split('/', 1)[0] ?? '';
}

function readAttribute(
  value: string,
  media: OpenMedia | undefined,
  session: { direction: Direction | undefined },
): void {
  const direction = DIRECTIONS.find((known) => known === value);
  if (direction) (media ?? session).direction = direction;
  if (!media) return;
  if (value.startsWith('rtpmap:')) {
    const codec = readRtpMap(value.slice(7));
    if (codec && media.codecs.size < MAX_FORMATS) media.codecs.set(codec.payloadType, codec);
  } else if (value.startsWith('rtcp:')) {
    const port = Number(value.slice(5).split(' ', 1)[0]);
    if (Number.isInteger(port) && port > 0 && port < 65_536) media.rtcpPort = port;
  }
}

function readRtpMap(value: string): SdpCodec | undefined {
  const [number = '', encoding = ''] = value.split(' ', 2);
  const payloadType = Number(number);
  const [name = '', rate = ''] = encoding.split('/');
  if (!Number.isInteger(payloadType) || payloadType < 0 || payloadType > 127 || name === '') return undefined;
  return { payloadType, name: name.toUpperCase(), clockRate: Number(rate) };
}

function close(open: OpenMedia, session: { address: string | undefined; direction: Direction | undefined }): SdpMedia {
  const codecs: SdpCodec[] = [];
  for (const format of open.formats) {
    const payloadType = Number(format);
    const name = STATIC_CODECS.get(payloadType);
    const codec = open.codecs.get(payloadType) ?? (name ? { payloadType, name, clockRate: 8000 } : undefined);
    if (codec) codecs.push(codec);
  }
  return {
    type: open.type,
    port: open.port,
    protocol: open.protocol,
    formats: open.formats,
    address: open.address ?? session.address,
    direction: open.direction ?? session.direction ?? 'sendrecv',
    codecs,
    rtcpPort: open.rtcpPort ?? open.port + 1,
  };
}

export interface LocalSdp {
  readonly sessionId: number;
  readonly version: number;
  readonly address: string;
  readonly port: number;
  readonly direction: Direction;
  readonly codecs: readonly SdpCodec[];
  /** The peer's media when this is an answer: as many come back, those not taken with port 0 (RFC 3264 §6). */
  readonly answering: { readonly media: readonly SdpMedia[]; readonly taken: number } | undefined;
}

/** Writes an offer or an answer with one audio stream. */
export function printSdp(local: LocalSdp): string {
  const family = local.address.includes(':') ? 'IP6' : 'IP4';
  const lines = [
    'v=0',
    `o=- ${local.sessionId} ${local.version} IN ${family} ${local.address}`,
    's=-',
    `c=IN ${family} ${local.address}`,
    't=0 0',
  ];
  const media = local.answering?.media ?? [undefined];
  media.forEach((theirs, i) => {
    if (theirs && i !== local.answering?.taken) {
      lines.push(`m=${theirs.type} 0 ${theirs.protocol} ${theirs.formats.join(' ')}`);
    } else lines.push(...audioLines(local, theirs?.protocol ?? 'RTP/AVP'));
  });
  return `${lines.join('\r\n')}\r\n`;
}

function audioLines(local: LocalSdp, protocol: string): string[] {
  const lines = [`m=audio ${local.port} ${protocol} ${local.codecs.map((codec) => codec.payloadType).join(' ')}`];
  for (const { payloadType, name, clockRate } of local.codecs) {
    lines.push(`a=rtpmap:${payloadType} ${name}/${clockRate}`);
    if (name === 'TELEPHONE-EVENT') lines.push(`a=fmtp:${payloadType} 0-16`);
  }
  lines.push('a=ptime:20', `a=${local.direction}`);
  return lines;
}

function bad(detail: string): Failure<MediaFault> {
  return new Failure<MediaFault>(
    { code: 'bad-description', detail },
    `the session description is not usable: ${detail}`,
  );
}
