import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { identityHash } from '#reload/security/algorithms.ts';
import { BoundedCache } from '#reload/security/bounded-cache.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Identity, Signer, Verifier } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { encode } from '#reload/wire/codec.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { encodeSignerIdentity, type Signature, securityBlock } from '#reload/wire/security-block.ts';
import { APPEND_INDEX, type StoredDataValue } from '#reload/wire/stored-data.ts';
import { createTestOverlay, fixedClock, TEST_EPOCH, type TestOverlay } from '../../support/overlay.ts';
import { DAY, faultOf } from './authority.ts';

let overlay: TestOverlay;
let alice: Identity;
let signer: Signer;
let verifier: Verifier;
const FIRST = 'a1'.repeat(16) as NodeId;
const SECOND = 'b2'.repeat(16) as NodeId;

beforeAll(async () => {
  overlay = await createTestOverlay();
  alice = await overlay.identity('alice');
  signer = createSigner(alice);
  verifier = overlay.verifier();
});

const contents = Uint8Array.of(0, 0x17, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0);
const input = (overlayField = 7, transactionId = 9n, bytes = contents) =>
  messageSignatureInput(overlayField, transactionId, bytes);
const bucket = () => [alice.certificate.der];
const fault = (signature: Signature, certificates = bucket(), by: Verifier = verifier) =>
  faultOf(() => by.verify(signature, certificates, input()));

describe('message signatures', () => {
  it('R6940-6.3.4-11 cover overlay, transaction id, contents and signer identity in this order', () => {
    const bytes = messageSignatureInput(0x9aa32b8d, 0x0102030405060708n, contents)(Uint8Array.of(0xee));
    expect(Buffer.from(bytes).toString('hex')).toBe('9aa32b8d0102030405060708001700000002000000000000ee');
  });

  it('R6940-6.3.4-11 verify, and fail when any covered part changes', () => {
    const signature = signer.sign(input());
    expect(verifier.verify(signature, bucket(), input())).toEqual({
      nodeId: alice.nodeId,
      certificate: alice.certificate,
    });
    for (const changed of [input(8), input(7, 10n), input(7, 9n, Uint8Array.of(...contents.subarray(0, 11), 1))])
      expect(faultOf(() => verifier.verify(signature, bucket(), changed))).toBe('bad-signature');
  });

  it('R6940-6.3.4-08 R6940-6.3.4-07 are made and verified by RSASSA-PKCS1-v1_5 with SHA-256 as 04 01', async () => {
    const rsa = await overlay.identity('rsa', { keyType: 'rsa-2048' });
    const signature = createSigner(rsa).sign(input());
    expect([signature.hashAlgorithm, signature.signatureAlgorithm, signature.value.length]).toEqual([4, 1, 256]);
    expect(verifier.verify(signature, [rsa.certificate.der], input()).nodeId).toBe(rsa.nodeId);
    const bytes = input()(encodeSignerIdentity(signature.identity));
    expect(Buffer.from(signature.value).equals(sign('RSA-SHA256', bytes, rsa.privateKey))).toBe(true);
  });

  it('R6940-6.3.4-01 stand in a security block behind the bucket: lengths of 2 bytes, type 00, then 04 01 01 00 22 04 20', async () => {
    const rsa = await overlay.identity('rsa', { keyType: 'rsa-2048' });
    const { der, fingerprint } = rsa.certificate;
    const signature = createSigner(rsa).sign(input());
    const block = Buffer.from(encode(securityBlock, { certificates: [{ type: 0, certificate: der }], signature }));
    const length = (n: number) => n.toString(16).padStart(4, '0');
    const bucketHex = `${length(der.length + 3)}00${length(der.length)}${Buffer.from(der).toString('hex')}`;
    const signatureHex = `0401010022${'0420'}${fingerprint}0100${Buffer.from(signature.value).toString('hex')}`;
    expect(block.toString('hex')).toBe(bucketHex + signatureHex);
  });

  it('are made by ECDSA with SHA-256 as 04 03 when the key is on P-256', () => {
    const { hashAlgorithm, signatureAlgorithm } = signer.sign(input());
    expect([hashAlgorithm, signatureAlgorithm]).toEqual([4, 3]);
  });

  it('R6940-6.3.4-09 name the certificate by cert_hash when it has one Node-ID', () => {
    const { identity } = signer.sign(input());
    expect(identity).toMatchObject({ type: 'cert_hash', hashAlgorithm: 4 });
    expect(Buffer.from(encodeSignerIdentity(identity)).toString('hex')).toBe(
      `010022${'0420'}${alice.certificate.fingerprint}`,
    );
  });

  it('are accepted with cert_hash_node_id too when the certificate has one Node-ID', () => {
    const hash = identityHash(4, idBytes(alice.nodeId), alice.certificate.der)!;
    const identity = { type: 'cert_hash_node_id', hashAlgorithm: 4, hash } as const;
    const value = sign('sha256', input()(encodeSignerIdentity(identity)), alice.privateKey);
    const signature = { hashAlgorithm: 4, signatureAlgorithm: 3, identity, value };
    expect(verifier.verify(signature, bucket(), input()).nodeId).toBe(alice.nodeId);
  });

  it('R6940-6.3.4-10 name the signing Node-ID when the certificate has several, and cert_hash is refused then', async () => {
    const pair = await overlay.identities('pair', [FIRST, SECOND]);
    const der = pair[0]!.certificate.der;
    const signatures = pair.map((identity) => createSigner(identity).sign(input()));
    expect(signatures.map(({ identity }) => identity.type)).toEqual(['cert_hash_node_id', 'cert_hash_node_id']);
    const decoys = [...overlay.source.current.rootCerts, alice.certificate.der, der];
    expect(signatures.map((signature) => verifier.verify(signature, decoys, input()).nodeId)).toEqual([FIRST, SECOND]);

    const identity = { type: 'cert_hash', hashAlgorithm: 4, hash: identityHash(4, der)! } as const;
    const value = sign('sha256', input()(encodeSignerIdentity(identity)), pair[0]!.privateKey);
    expect(fault({ hashAlgorithm: 4, signatureAlgorithm: 3, identity, value }, [der])).toBe('ambiguous-node-id');
  });

  it.each([2, 5, 6])('find the certificate by its hash of algorithm %i', (hashAlgorithm) => {
    const identity = {
      type: 'cert_hash',
      hashAlgorithm,
      hash: identityHash(hashAlgorithm, alice.certificate.der)!,
    } as const;
    const value = sign('sha256', input()(encodeSignerIdentity(identity)), alice.privateKey);
    expect(fault({ hashAlgorithm: 4, signatureAlgorithm: 3, identity, value })).toBe('nothing thrown');
  });

  it('R6940-6.3-02 R6940-7.4.1.1-19 are refused with identity none, or with hash 0', () => {
    const signature = signer.sign(input());
    expect(fault({ ...signature, identity: { type: 'none' } })).toBe('unsupported-identity');
    const none = { type: 'cert_hash', hashAlgorithm: 0, hash: new Uint8Array() } as const;
    expect(fault({ ...signature, identity: none })).toBe('unknown-certificate');
    expect(fault({ ...signature, value: new Uint8Array() })).toBe('bad-signature');
    expect(fault({ ...signature, hashAlgorithm: 0, signatureAlgorithm: 0 })).toBe('unsupported-algorithm');
    expect(fault({ ...signature, hashAlgorithm: 0 })).toBe('unsupported-algorithm');
    expect(fault({ ...signature, signatureAlgorithm: 0 })).toBe('unsupported-algorithm');
  });

  it('are refused with SHA-1, MD5, no hash, anonymous, or an algorithm of another kind of key', () => {
    const signature = signer.sign(input());
    for (const [hashAlgorithm, signatureAlgorithm] of [
      [2, 3],
      [1, 3],
      [0, 0],
      [4, 0],
      [4, 1],
      [4, 2],
    ] as const)
      expect(fault({ ...signature, hashAlgorithm, signatureAlgorithm })).toBe('unsupported-algorithm');
  });

  it('are refused when the signer certificate did not come along, or with hundreds of others', () => {
    const signature = signer.sign(input());
    expect(fault(signature, [])).toBe('unknown-certificate');
    expect(fault(signature, [Uint8Array.of(1), ...overlay.source.current.rootCerts])).toBe('unknown-certificate');
    expect(
      fault(
        signature,
        Array.from({ length: 257 }, () => alice.certificate.der),
      ),
    ).toBe('too-many-certificates');
  });

  it('R6940-6.3.4-12 are refused with an expired, a foreign or a bad-node certificate', async () => {
    const signature = signer.sign(input());
    const late = fixedClock(TEST_EPOCH + 400 * DAY);
    expect(fault(signature, bucket(), new CertificateVerifier({ clock: late, configuration: overlay.source }))).toBe(
      'expired',
    );
    const other = await createTestOverlay();
    expect(fault(signature, bucket(), other.verifier())).toBe('untrusted-chain');
    const bad = new CurrentConfiguration({
      configuration: { ...overlay.configuration, badNodes: [alice.nodeId] },
      document: overlay.document,
    });
    expect(fault(signature, bucket(), new CertificateVerifier({ clock: overlay.clock, configuration: bad }))).toBe(
      'bad-node',
    );
  });

  it('R6940-11.1-28 are refused again once the signer is listed as a bad node, although they were verified before', async () => {
    const own = await createTestOverlay();
    const member = await own.identity('bob');
    const signature = createSigner(member).sign(input());
    const by = own.verifier();
    expect(fault(signature, [member.certificate.der], by)).toBe('nothing thrown');
    own.source.replace({ configuration: { ...own.configuration, badNodes: [member.nodeId] }, document: own.document });
    expect(fault(signature, [member.certificate.der], by)).toBe('bad-node');
  });

  it('R6940-7.1-02 are checked against the clock each time, remembered or not', async () => {
    const clock = fixedClock();
    const own = await createTestOverlay({ clock });
    const member = await own.identity('bob', { validityDays: 1 });
    const signature = createSigner(member).sign(input());
    const by = own.verifier();
    expect(fault(signature, [member.certificate.der], by)).toBe('nothing thrown');
    clock.time += 2 * DAY;
    expect(fault(signature, [member.certificate.der], by)).toBe('expired');
  });

  it('are refused when the bucket holds something other than X.509', () => {
    expect(fault(signer.sign(input()), [Buffer.from('-----BEGIN PGP PUBLIC KEY BLOCK-----')])).toBe(
      'unknown-certificate',
    );
  });

  it('never verify after a random change of the signature', () => {
    const signature = signer.sign(input());
    fc.assert(
      fc.property(fc.nat(signature.value.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const value = Uint8Array.from(signature.value);
        value[at] = (value[at] ?? 0) ^ change;
        expect(fault({ ...signature, value })).toBe('bad-signature');
      }),
      { numRuns: 60 },
    );
  });
});

describe('value signatures', () => {
  const resource = hashToResourceId('alice@home.example');
  const value: StoredDataValue = { model: 'dictionary', key: Uint8Array.of(1), exists: true, value: Uint8Array.of(2) };
  const signed = { resource, kind: 1, storageTime: 1000n, value };

  it('R6940-7.1-01 cover the bare resource id, kind, storage time and value in this order', () => {
    const bytes = valueSignatureInput(signed)(Uint8Array.of(0xee));
    expect(Buffer.from(bytes).toString('hex')).toBe(
      `${resource}00000001${'00000000000003e8'}${'000101'}${'010000000102'}ee`,
    );
  });

  it('R6940-7.1-01 verify, and fail when any covered part changes', () => {
    const signature = signer.sign(valueSignatureInput(signed));
    const check = (changes: Partial<typeof signed>) =>
      faultOf(() => verifier.verify(signature, bucket(), valueSignatureInput({ ...signed, ...changes })));
    expect(check({})).toBe('nothing thrown');
    for (const changes of [
      { resource: hashToResourceId('bob') },
      { kind: 2 },
      { storageTime: 1001n },
      { value: { ...value, exists: false } },
    ])
      expect(check(changes)).toBe('bad-signature');
  });

  it('R6940-7.4.2.2-09 hold for an array entry whatever index the storing peer gave it', () => {
    const entry = (index: number): StoredDataValue => ({
      model: 'array',
      index,
      exists: true,
      value: Uint8Array.of(5),
    });
    const signature = signer.sign(valueSignatureInput({ ...signed, value: entry(APPEND_INDEX) }));
    const check = (index: number) =>
      faultOf(() => verifier.verify(signature, bucket(), valueSignatureInput({ ...signed, value: entry(index) })));
    expect([check(7), check(0), check(APPEND_INDEX)]).toEqual(['nothing thrown', 'nothing thrown', 'nothing thrown']);
  });
});

describe('verifying what others signed', () => {
  const vectors = JSON.parse(readFileSync('test/vectors/reload-messages.json', 'utf8')) as readonly {
    name: string;
    layer: string;
    hex: string;
    overlay_name: string | null;
    signer_cert: string | null;
  }[];
  const document = Buffer.from(vectors.find(({ name }) => name === 'config_document')!.hex, 'hex');
  const source = new CurrentConfiguration(readDocument(document, 'h4.example.org'));
  const foreign = new CertificateVerifier({ clock: fixedClock(), configuration: source });
  const signedMessages = vectors.filter(
    ({ name, layer, signer_cert }) => layer === 'message' && signer_cert !== null && !name.includes('fragment'),
  );

  it.each(signedMessages)(
    'R6940-6.3.4-03 $name verifies with the certificates of its own security block',
    ({ hex }) => {
      const message = splitMessage(Buffer.from(hex, 'hex'));
      const certificates = message.security.certificates.map(({ certificate }) => certificate);
      const covered = messageSignatureInput(
        message.header.overlay,
        message.header.transactionId,
        message.contentsBytes,
      );
      const signatory = foreign.verify(message.security.signature, certificates, covered);
      expect(signatory.certificate.overlayName).toBe('h4.example.org');
    },
  );
});

describe('what is remembered', () => {
  it('is bounded, and what was used longest ago goes first', () => {
    const cache = new BoundedCache<number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
  });

  it('is the signature by this very certificate only', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = signer.sign(input());
    expect(fault(signature)).toBe('nothing thrown');
    const forged = {
      ...signature,
      value: sign('sha256', input()(encodeSignerIdentity(signature.identity)), privateKey),
    };
    expect(fault(forged)).toBe('bad-signature');
  });
});
