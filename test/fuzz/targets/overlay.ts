import { isDeepStrictEqual } from 'node:util';
import { Failure } from '#platform/failure.ts';
import { readCertificateRequest } from '#reload/enrollment/certificate-request.ts';
import { certificatesInPem } from '#reload/enrollment/identity-directory.ts';
import { parseInvitation } from '#reload/enrollment/invitation.ts';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { readForm, readParameters, writeForm } from '#reload/enrollment/multipart.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { encodeAckFrame, encodeDataFrame, FrameReader, type LinkFrame } from '#reload/link/frame-reader.ts';
import { readDocument, readKindBlock } from '#reload/overlay-config/document.ts';
import { compilePattern } from '#reload/overlay-config/posix-pattern.ts';
import { printConfiguration, printDocument, printKind } from '#reload/overlay-config/print.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { parseNodeUri, printNodeUri } from '#reload/security/reload-uri.ts';
import { parseCertificate } from '#reload/security/x509.ts';
import { parseProvider } from '#reload/usages/redir/redir-kind.ts';
import { parseAor } from '#reload/usages/sip/aor.ts';
import { parseGruu, printGruu } from '#reload/usages/sip/gruu.ts';
import { encode } from '#reload/wire/codec.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target, textTarget } from '../target.ts';

const XML_WORDS = [
  '<kind>',
  '</kind>',
  '<overlay>',
  'xmlns="',
  '<?xml version="1.0"?>',
  '<!DOCTYPE x>',
  '<![CDATA[',
  'true',
  'false',
  'NODE-MATCH',
  'DICTIONARY',
  'http://www.w3.org/2001/XMLSchema',
  'AAAA',
  '2026-01-01T00:00:00Z',
];
const XML_MAX = 300_000;
const SMALLEST_LIMIT = 5000;

/** Everything of RELOAD that is read from bytes and is no structure of the wire. */
export async function overlayTargets(): Promise<readonly Target[]> {
  const overlay = await createTestOverlay();
  const certificates = [
    overlay.root.certificate,
    ...(await overlay.members(3)).map(({ certificate }) => certificate.der),
  ];
  const key = await generatePrivateKey('p-256');
  const request = await writeCertificateRequest('alice@home.example', key);
  return [
    frames(),
    ...certificateTargets(certificates),
    bytesTarget('enrollment certificate request', {
      sample: (dice) => (dice.oneIn(4) ? Buffer.from(Buffer.from(request).toString('base64')) : request),
      run: readCertificateRequest,
    }),
    ...documents(overlay.document),
    ...enrollmentTexts(),
    ...names(),
  ];
}

/** A stream of frames gives the same frames whatever the pieces are that it comes in, up to what ends it. */
function frames(): Target {
  return bytesTarget('link frames', {
    maxInput: 262_144,
    sample: (dice) =>
      Buffer.concat(
        Array.from({ length: 1 + dice.below(6) }, () =>
          dice.oneIn(3)
            ? encodeAckFrame(dice.below(2 ** 32), dice.below(2 ** 32))
            : encodeDataFrame(dice.below(2 ** 32), dice.bytes(dice.size(8000))),
        ),
      ),
    run(input) {
      const whole = framesOf([input]);
      const size = 1 + ((input[0] ?? 0) % 97) * 11;
      const pieces = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
        input.subarray(i * size, (i + 1) * size),
      );
      if (!isDeepStrictEqual(framesOf(pieces), whole)) throw new BrokenPromise('the frames depend on the pieces');
      return whole;
    },
  });
}

function framesOf(pieces: readonly Uint8Array[]): readonly LinkFrame[] {
  const reader = new FrameReader();
  const found: LinkFrame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let frame = reader.next(SMALLEST_LIMIT); frame !== undefined; frame = reader.next(SMALLEST_LIMIT)) {
      found.push('message' in frame ? { ...frame, message: Uint8Array.from(frame.message) } : frame);
    }
  }
  return found;
}

function certificateTargets(certificates: readonly Uint8Array[]): readonly Target[] {
  const root = parseCertificate(certificates[0] ?? new Uint8Array());
  return [
    bytesTarget('security member certificate', { sample: (dice) => dice.pick(certificates), run: readCertificate }),
    bytesTarget('security certificate', {
      sample: (dice) => dice.pick(certificates),
      run(input) {
        const parsed = parseCertificate(input);
        return [parsed, parsed.signedBy(root.publicKey), root.signedBy(parsed.publicKey)];
      },
    }),
    textTarget('security PEM', {
      words: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'],
      sample: (dice) => pemOf(dice.pick(certificates)),
      run: certificatesInPem,
    }),
  ];
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function documents(document: Uint8Array): readonly Target[] {
  const text = Buffer.from(document).toString('utf8');
  const block = /<kind-block>.*?<\/kind-block>/s.exec(text)?.[0] ?? '';
  return [
    textTarget('configuration document', {
      maxInput: XML_MAX,
      words: XML_WORDS,
      sample: () => text,
      run: (_, bytes) => samePrinted(bytes),
    }),
    textTarget('configuration Kind block', {
      maxInput: XML_MAX,
      words: XML_WORDS,
      sample: () => block,
      run: (_, bytes) => readKindBlock(bytes),
    }),
    textTarget('configuration pattern', {
      maxInput: 4096,
      words: ['(', ')', '*', '+', '?', '{1,255}', '{0,2}', '|', '[^', '[[:alpha:]]', '[a-z]', '\\', '.', '^', '$'],
      sample: (dice) =>
        dice.pick(['^[a-z.]+@(home|away)\\.example$', '(a|b)*c{2,5}', '.*@.*', '((x+x+)+y|[[:digit:]]{3})']),
      run: (text_) => compilePattern(text_)?.('xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@home.example'.repeat(4)),
    }),
  ];
}

/** What a document said, printed and read again, says the same. */
function samePrinted(bytes: Uint8Array): unknown {
  const { configuration, kindBlocks } = readDocument(bytes);
  try {
    requireSupported(configuration);
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
  }
  const kinds = kindBlocks.map(({ kind }) => ({ xml: printKind(kind), signature: Uint8Array.of(1) }));
  const printed = printDocument(printConfiguration(configuration, kinds), Uint8Array.of(1));
  let again: ReturnType<typeof readDocument>;
  try {
    again = readDocument(printed);
  } catch (thrown) {
    throw new BrokenPromise(`what was read cannot be read again once printed: ${String(thrown)}`);
  }
  // Kinds that nobody here knows are read past and not printed.
  const known = { ...configuration, unknownKinds: [] };
  if (!isDeepStrictEqual(again.configuration, known)) throw new BrokenPromise('printing changes a configuration');
  return configuration;
}

function enrollmentTexts(): readonly Target[] {
  return [
    bytesTarget('enrollment form', {
      maxInput: 262_144,
      sample: (dice) =>
        Buffer.from(
          writeForm('XX', new Map(fields(dice).map((name) => [name, { data: dice.bytes(dice.size(3000)) }]))).body,
        ),
      run: (input) => readForm('multipart/form-data; boundary=XX', input),
    }),
    textTarget('enrollment content type', {
      words: ['boundary=', '"', ';', '\\"', '; name="x"'],
      sample: () => 'multipart/form-data; boundary="a b"; charset=utf-8',
      run: (text) => [readParameters(text), readForm(text, Buffer.from(`--a b\r\n${text}\r\n--a b--`))],
    }),
    textTarget('enrollment invitation', {
      words: ['https://', '#', ',sha256-', '['],
      sample: () => `https://home.example:8443/.well-known/reload-config#home.example,sha256-${'ab'.repeat(32)}`,
      run: parseInvitation,
    }),
  ];
}

function fields(dice: Dice): readonly string[] {
  return ['username', 'password', 'nodeids', 'csr', 'extra'].filter(() => !dice.oneIn(5));
}

function names(): readonly Target[] {
  const nodeUri = printNodeUri({ nodeId: 'ab'.repeat(16) as NodeId, overlayName: 'home.example' });
  const aor = parseAor('alice@home.example');
  const gruu =
    aor === undefined ? '' : printGruu({ aor, destinations: [{ type: 'node', id: 'ab'.repeat(16) as NodeId }] });
  return [
    textTarget('usages node URI', { words: ['reload://', '@', '/', '0110'], sample: () => nodeUri, run: parseNodeUri }),
    textTarget('usages SIP name', {
      words: ['sip:', 'sips:', ';gr=', '~', '%', ';', '?', '@', '['],
      sample: (dice) =>
        dice.pick([gruu, 'sip:alice:secret@home.example;user=phone', 'bob%40x@[::1]:5060', '+4930123@home.example']),
      run: canonicalAor,
    }),
    bytesTarget('usages ReDiR record', {
      sample: (dice) =>
        encode(redirServiceProvider, {
          type: dice.below(3),
          destinationList: [{ type: 'node', id: 'ab'.repeat(16) as NodeId }],
          namespace: dice.pick(['x-pstn-gateway', 'x-sip-proxy', '']),
          level: dice.below(40),
          node: dice.below(11),
          extension: dice.bytes(dice.below(4)),
        }),
      run: parseProvider,
    }),
  ];
}

/** Every spelling ends in one form, and that form is its own. */
function canonicalAor(text: string): unknown {
  const found = parseAor(text);
  if (found !== undefined && parseAor(found) !== found)
    throw new BrokenPromise(`${found} is not its own canonical form`);
  return [found, parseGruu(text)];
}
