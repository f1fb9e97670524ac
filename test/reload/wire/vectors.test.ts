import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { equalBytes, toHex } from '#platform/bytes.ts';
import { verifyBytes } from '#reload/security/algorithms.ts';
import type { SignatureInput } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, decode, encode } from '#reload/wire/codec.ts';
import { KindId, MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { encodeWithPayload, isFragment, splitFragment } from '#reload/wire/forwarding-header.ts';
import { framedMessage } from '#reload/wire/frame.ts';
import { hashToResourceId, overlayHash, type ResourceId } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage, splitMessage, splitPayload } from '#reload/wire/message.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { encodeSignerIdentity, type SecurityBlock, type Signature } from '#reload/wire/security-block.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import { decodeStoredMetaData, statAns } from '#reload/wire/stat.ts';
import { storeReq } from '#reload/wire/store.ts';
import { decodeStoredData, encodeStoredData } from '#reload/wire/stored-data.ts';
import { turnServer } from '#reload/wire/turn-server.ts';
import { bytesOf, VECTOR_KIND_MODELS, vector, vectorsOf } from '../../vectors/reload-vectors.ts';

const FRAGMENTS = ['ping_req_big_fragment_0', 'ping_req_big_fragment_1', 'ping_req_big_fragment_2'];
const messages = vectorsOf('message').filter(({ name }) => !FRAGMENTS.includes(name));
const ALICE = hashToResourceId('alice@h4.example.org');

function verified({ certificates }: SecurityBlock, signature: Signature, input: SignatureInput): boolean {
  const { identity, hashAlgorithm: hash, signatureAlgorithm, value } = signature;
  if (identity.type !== 'cert_hash') throw new Error(`unexpected identity ${identity.type}`);
  const signer = certificates.find(({ certificate }) =>
    equalBytes(createHash('sha256').update(certificate).digest(), identity.hash),
  );
  if (signer === undefined) throw new Error('the certificate of the signer is missing');
  const key = new X509Certificate(signer.certificate).publicKey;
  return verifyBytes({ hash, signature: signatureAlgorithm }, key, input(encodeSignerIdentity(identity)), value);
}

describe('messages made by independent implementations', () => {
  it.each(messages)('$name decodes, verifies and is encoded again byte for byte', (given) => {
    const bytes = bytesOf(given);
    const message = splitMessage(bytes);
    const codec = bodyCodec(message.contents.code);
    if (codec === undefined) throw new Error(`no codec for message code ${message.contents.code}`);
    const body = encode(codec, decode(codec, message.contents.body));

    const again = encodeMessage(message.header, encodeContents({ ...message.contents, body }), message.security);

    expect(toHex(again)).toBe(given.hex);
    const { overlay, transactionId } = message.header;
    expect(overlay).toBe(overlayHash('h4.example.org'));
    const input = messageSignatureInput(overlay, transactionId, message.contentsBytes);
    expect(verified(message.security, message.security.signature, input)).toBe(true);
  });

  it.each([
    'store_req_single',
    'store_req_dictionary',
    'store_req_array_append',
    'store_req_sip_registration_uri',
    'store_req_turn_service',
    'store_req_certificate_by_node',
  ])('%s holds a value whose own signature verifies', (name) => {
    const { contents, security } = splitMessage(bytesOf(vector(name)));
    const { resource, kindData } = decode(storeReq, contents.body);
    expect(kindData.map((data) => checkValues(security, resource, data))).toEqual([1]);
  });

  it.each(['fetch_ans_single', 'fetch_ans_array'])('%s holds a value whose own signature verifies', (name) => {
    const { contents, security } = splitMessage(bytesOf(vector(name)));
    const { kindResponses } = decode(fetchAns, contents.body);
    expect(kindResponses.map((data) => checkValues(security, ALICE, data))).toEqual([1]);
  });

  function checkValues(
    security: SecurityBlock,
    resource: ResourceId,
    { kind, values }: { readonly kind: number; readonly values: Uint8Array },
  ): number {
    const model = VECTOR_KIND_MODELS.get(kind) ?? REGISTERED.get(kind);
    if (model === undefined) throw new Error(`no data model for Kind ${kind}`);
    const stored = decodeStoredData(model, values);
    expect(toHex(encodeStoredData(model, stored))).toBe(toHex(values));
    for (const { storageTime, value, signature } of stored) {
      const input = valueSignatureInput({ resource, kind, storageTime, value });
      expect(verified(security, signature, input)).toBe(true);
    }
    return stored.length;
  }

  const REGISTERED: ReadonlyMap<number, 'single' | 'array' | 'dictionary'> = new Map([
    [KindId.sipRegistration, 'dictionary'],
    [KindId.turnService, 'single'],
    [KindId.certificateByNode, 'array'],
  ]);

  it('fetch_ans_nonexistent holds a synthetic value without a signer', () => {
    const { contents } = splitMessage(bytesOf(vector('fetch_ans_nonexistent')));
    const [response] = decode(fetchAns, contents.body).kindResponses;
    const [stored] = decodeStoredData('single', response?.values ?? new Uint8Array());
    expect(stored?.value).toEqual({ model: 'single', exists: false, value: new Uint8Array() });
    expect(stored?.signature.identity).toEqual({ type: 'none' });
  });

  it('the three fragments are encoded again byte for byte and make up the message they were cut from', () => {
    const whole = bytesOf(vector('ping_req_big'));
    const pieces = FRAGMENTS.map((name) => splitFragment(bytesOf(vector(name))));
    expect(pieces.map(({ header }) => isFragment(header))).toEqual([true, true, true]);
    expect(pieces.map(({ header, chunk }) => toHex(encodeWithPayload(header, chunk)))).toEqual(
      FRAGMENTS.map((name) => vector(name).hex),
    );
    const payload = new Uint8Array(Buffer.concat(pieces.map(({ chunk }) => chunk)));
    expect(splitPayload(payload)).toEqual({ ...splitMessage(whole), header: undefined });
    expect(pieces.map(({ header }) => header.fragment.offset)).toEqual([0, 500, 1000]);
  });
});

describe('other vectors made by independent implementations', () => {
  it.each(vectorsOf('frame'))('$name is decoded and encoded again byte for byte', (given) => {
    expect(toHex(encode(framedMessage, decode(framedMessage, bytesOf(given))))).toBe(given.hex);
  });

  const VALUES: Readonly<Record<string, Codec<object>>> = {
    value_sip_registration_uri: sipRegistration,
    value_sip_registration_route: sipRegistration,
    value_redir_service_provider: redirServiceProvider,
    value_turn_server: turnServer,
  };
  it.each(vectorsOf('value'))('$name is decoded and encoded again byte for byte', (given) => {
    const codec = VALUES[given.name];
    if (codec === undefined) throw new Error(`no codec for ${given.name}`);
    expect(toHex(encode(codec, decode(codec, bytesOf(given))))).toBe(given.hex);
  });
});

/** Where the bytes are well formed but do not say what the RFC wants. Reading them is right all the same. */
describe('where the makers of the vectors erred', () => {
  it.each([
    ['stat_ans_single', 'single'],
    ['stat_ans_dictionary', 'dictionary'],
  ] as const)('%s hashes the value without its four length bytes, against RFC 6940 §7.4.3.2', (name, model) => {
    const { contents } = splitMessage(bytesOf(vector(name)));
    expect(contents.code).toBe(MessageCode.statAns);
    const [response] = decode(statAns, contents.body).kindResponses;
    const [stored] = decodeStoredMetaData(model, response?.values ?? new Uint8Array());
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(toHex(stored?.metadata.hashValue ?? new Uint8Array())).toBe(sha256('value'));
    expect(sha256('value')).not.toBe(sha256('\0\0\0\x05value'));
  });

  it('frame_ack sets bit 0 of received, which stands for no frame: 0 < N-M < 32 (RFC 6940 §6.6.2)', () => {
    expect(decode(framedMessage, bytesOf(vector('frame_ack')))).toEqual({
      type: 'ack',
      ackSequence: 1,
      received: 0xffffffff,
    });
  });

  it('the fragments are of unequal size, against RFC 6940 §6.7', () => {
    const sizes = FRAGMENTS.map((name) => splitFragment(bytesOf(vector(name))).chunk.length);
    expect(sizes).toEqual([500, 500, 885]);
  });
});
