import { toHex } from '#platform/bytes.ts';
import type { Random } from '#platform/random.ts';
import { quote } from '#sip/message/cursor.ts';
import {
  algorithmOf,
  type DigestAlgorithm,
  digestResponse,
  digestSecret,
  parseAuthentication,
} from '#sip/message/digest.ts';
import type { SipRequest, SipResponse } from '#sip/message/message.ts';
import { isMessageFault } from '#sip/message/parser.ts';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

interface Challenge {
  readonly algorithm: DigestAlgorithm;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * The request again with an answer to the challenge of a 401 or 407, the sequence number one higher (RFC 3261 §22.2).
 * Undefined when there is no challenge that can be answered.
 */
export function answerChallenge(
  request: SipRequest,
  response: SipResponse,
  options: { readonly credentials: Credentials; readonly random: Random },
): SipRequest | undefined {
  const isProxy = response.status === 407;
  const challenge = strongest(response.headers.list(isProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate'));
  if (challenge === undefined) return undefined;
  const name = isProxy ? 'Proxy-Authorization' : 'Authorization';
  const value = credentialsFor(request, challenge, options);
  const { number, method } = request.cseq;
  const headers = request.headers
    .without('Via', name)
    .set('CSeq', `${number + 1} ${method}`)
    .append(name, value);
  return request.with({ headers });
}

/** RFC 8760 §2.4: the server's first one whose algorithm is known. */
function strongest(texts: readonly string[]): Challenge | undefined {
  for (const text of texts.slice(0, 16)) {
    const challenge = readChallenge(text);
    if (challenge !== undefined) return challenge;
  }
  return undefined;
}

function readChallenge(text: string): Challenge | undefined {
  try {
    const { scheme, parameters } = parseAuthentication(text, 'challenge');
    const algorithm = algorithmOf(parameters.get('algorithm'));
    const qualities = parameters.get('qop')?.toLowerCase().split(',') ?? ['auth'];
    const isUsable =
      parameters.has('realm') && parameters.has('nonce') && qualities.some((quality) => quality.trim() === 'auth');
    return scheme === 'digest' && algorithm !== undefined && isUsable ? { algorithm, parameters } : undefined;
  } catch (thrown) {
    if (isMessageFault(thrown)) return undefined;
    throw thrown;
  }
}

function credentialsFor(
  request: SipRequest,
  { algorithm, parameters }: Challenge,
  { credentials, random }: { readonly credentials: Credentials; readonly random: Random },
): string {
  const realm = parameters.get('realm') ?? '';
  const nonce = parameters.get('nonce') ?? '';
  const quality = parameters.has('qop') ? { count: '00000001', clientNonce: toHex(random.bytes(16)) } : undefined;
  const secret = digestSecret(
    algorithm,
    credentials.user,
    Buffer.from(realm, 'latin1').toString('utf8'),
    credentials.password,
  );
  const response = digestResponse({ algorithm, secret, method: request.method, uri: request.uri, nonce, quality });
  const opaque = parameters.get('opaque');
  return [
    `Digest username=${quote(Buffer.from(credentials.user, 'utf8').toString('latin1'))}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(request.uri)}`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
    ...(quality === undefined ? [] : ['qop=auth', `nc=${quality.count}`, `cnonce="${quality.clientNonce}"`]),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
  ].join(', ');
}
