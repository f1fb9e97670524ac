import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import { generatePrivateKey, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import {
  type Issuer,
  writeIntermediateCertificate,
  writeMemberCertificate,
  writeSelfSignedCertificate,
} from '#reload/enrollment/x509-writer.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { parseNodeUri, printNodeUri } from '#reload/security/reload-uri.ts';
import { selfSignedNodeIds } from '#reload/security/self-signed.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { createTestOverlay, TEST_EPOCH } from '../../support/overlay.ts';
import { DAY, email, faultOf, NODE, newRoot, uri, VALIDITY, verifierFor, writeCertificate } from './authority.ts';

let root: Issuer;
beforeAll(async () => {
  root = await newRoot();
});

const check = (der: Uint8Array, intermediates: readonly Uint8Array[] = []) => {
  const { verifier } = verifierFor([root.certificate]);
  return faultOf(() => verifier.checkCertificate(der, intermediates));
};

describe('the shape of a member certificate', () => {
  it('R6940-11.3-17 R6940-11.3-29 gives the Node-IDs, the user name and the overlay of a proper certificate', async () => {
    const second = 'cd'.repeat(16);
    const der = await writeCertificate({ issuer: root, names: [uri(), uri(second), email()] });
    expect(readCertificate(der)).toMatchObject({
      nodeIds: [NODE, second],
      userName: 'alice@home.example',
      overlayName: 'home.example',
      fingerprint: createHash('sha256').update(der).digest('hex'),
      ...VALIDITY,
    });
    expect(new X509Certificate(der).subjectAltName).toContain(`URI:reload://0110${NODE}@home.example/`);
  });

  it.each([
    ['no subjectAltName', undefined],
    ['no rfc822Name', [uri()]],
    ['R6940-11.3-20 two rfc822Names', [uri(), email(), email('bob@home.example')]],
    ['no URI', [email()]],
    ['R6940-11.3-23 a dNSName beside', [uri(), email(), { type: 'dns' as const, value: 'home.example' }]],
    [
      'R6940-11.3-18 a URI of two destinations',
      [{ type: 'url' as const, value: `reload://0110${NODE}0110${NODE}@home.example/` }, email()],
    ],
    ['a URI of a Resource-ID', [{ type: 'url' as const, value: `reload://021110${NODE}@home.example/` }, email()]],
    ['a URI of another scheme', [{ type: 'url' as const, value: 'https://home.example/' }, email()]],
    ['a URI with a path', [{ type: 'url' as const, value: `reload://0110${NODE}@home.example/00000001` }, email()]],
    [
      'a comma that hides a second URI',
      [
        {
          type: 'url' as const,
          value: `reload://0110${NODE}@home.example/, URI:reload://0110${'cd'.repeat(16)}@home.example/`,
        },
        email(),
      ],
    ],
    ['URIs of two overlays', [uri(), uri('cd'.repeat(16), 'other.example'), email()]],
    ['R6940-3-02 the wildcard Node-ID', [uri('ff'.repeat(16)), email()]],
    ['the all-zero Node-ID', [uri('00'.repeat(16)), email()]],
    ['a blank in the user name', [uri(), email('alice smith@home.example')]],
    ['a NUL in the user name', [uri(), email('alice\0@home.example')]],
  ])('refuses %s', async (_what, names) => {
    const der = await writeCertificate({ issuer: root, ...(names === undefined ? {} : { names }) });
    expect(check(der)).toBe('san-shape');
  });

  it('refuses more Node-IDs than anyone can need', async () => {
    const names = Array.from({ length: 65 }, (_, i) => uri(i.toString(16).padStart(32, '1')));
    expect(check(await writeCertificate({ issuer: root, names: [...names, email()] }))).toBe('san-shape');
  });

  it('refuses Node-IDs of another length than the overlay has', async () => {
    const names = [{ type: 'url' as const, value: `reload://0114${'ab'.repeat(20)}@home.example/` }, email()];
    expect(check(await writeCertificate({ issuer: root, names }))).toBe('san-shape');
  });

  it('throws nothing but typed faults on truncated and mutated certificates', async () => {
    const der = await writeCertificate({ issuer: root, names: [uri(), email()] });
    const { verifier } = verifierFor([root.certificate]);
    const refuse = (bytes: Uint8Array) => {
      try {
        verifier.checkCertificate(bytes, []);
        return false;
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(Failure);
        return true;
      }
    };
    for (let length = 0; length < der.length; length += 7) expect(refuse(der.subarray(0, length))).toBe(true);
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const mutated = der.slice();
        mutated[at] = (mutated[at] ?? 0) ^ change;
        expect(refuse(mutated)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(refuse(Uint8Array.of(...der, 0))).toBe(true);
    expect(faultOf(() => readCertificate(new Uint8Array(70_000)))).toBe('malformed');
  });
});

describe('RELOAD URIs', () => {
  it('are written in the form of the RFC and read in both forms in use', () => {
    const nodeId = '0102030405060708090a0b0c0d0e0f10' as NodeId;
    const printed = printNodeUri({ nodeId, overlayName: 'overlay.example.org' });
    expect(printed).toBe('reload://01100102030405060708090a0b0c0d0e0f10@overlay.example.org/');
    for (const form of [
      printed,
      printed.slice(0, -1),
      `reload://${nodeId}@overlay.example.org`,
      printed.toUpperCase().replace('OVERLAY.EXAMPLE.ORG', 'overlay.example.org'),
    ])
      expect(parseNodeUri(form), form).toEqual({ nodeId, overlayName: 'overlay.example.org' });
  });

  it('are refused with wrong lengths, other parts or absurd size', () => {
    for (const form of [
      'reload://0110@x/',
      `reload://010f${'00'.repeat(16)}@x/`,
      `reload://0110${NODE}@/`,
      `reload://0110${NODE}@a b/`,
      `reload://u@0110${NODE}@x/`,
      `reload://${'00'.repeat(600)}@x/`,
      '',
    ])
      expect(parseNodeUri(form), form).toBeUndefined();
  });
});

describe('trust in a member certificate', () => {
  it('accepts one below an intermediate that comes along, and not without it', async () => {
    const key = await generatePrivateKey('p-256');
    const middle = await writeIntermediateCertificate('middle', publicKeyInfoOf(key), root, VALIDITY);
    const der = await writeCertificate({ issuer: { certificate: middle, privateKey: key }, names: [uri(), email()] });
    expect(check(der, [der, middle])).toBe('nothing thrown');
    expect(check(der)).toBe('untrusted-chain');
  });

  it('R6940-11.1-11 accepts a chain to any of the roots, and ignores a root that is no certificate', async () => {
    const other = await newRoot('other');
    const ders = await Promise.all(
      [root, other].map((issuer) => writeCertificate({ issuer, names: [uri(), email()] })),
    );
    const { verifier, source, configuration } = verifierFor([
      Uint8Array.of(1, 2, 3),
      root.certificate,
      other.certificate,
    ]);
    for (const der of ders) expect(verifier.checkCertificate(der, []).userName).toBe('alice@home.example');
    source.replace({ configuration: { ...configuration, rootCerts: [root.certificate] }, document: new Uint8Array() });
    expect(ders.map((der) => faultOf(() => verifier.checkCertificate(der, [])))).toEqual([
      'nothing thrown',
      'untrusted-chain',
    ]);
  });

  it('R6940-13.3-02 refuses one of a self-made authority of the same name, and a self-signed one', async () => {
    const impostor = await newRoot('root');
    expect(check(await writeCertificate({ issuer: impostor, names: [uri(), email()] }))).toBe('untrusted-chain');
    const key = await generatePrivateKey('p-256');
    const names = { overlayName: 'home.example', userName: 'a@home.example', nodeIds: [NODE as NodeId] };
    expect(check(await writeSelfSignedCertificate(names, key, VALIDITY))).toBe('untrusted-chain');
  });

  it('refuses one issued by another member, with and without a claim to be an authority', async () => {
    for (const [ca, usages] of [
      [undefined, undefined],
      [false, undefined],
      [true, 1],
    ] as const) {
      const key = await generatePrivateKey('p-256');
      const member = await writeCertificate({
        issuer: root,
        key,
        names: [uri(), email()],
        subject: 'CN=member',
        ...(ca === undefined ? {} : { ca }),
        ...(usages === undefined ? {} : { usages }),
      });
      const der = await writeCertificate({
        issuer: { certificate: member, privateKey: key },
        names: [uri('cd'.repeat(16)), email()],
      });
      expect(check(der, [member])).toBe('not-a-ca');
    }
  });

  it('refuses a path longer than an issuer allows', async () => {
    const [first, second] = [await generatePrivateKey('p-256'), await generatePrivateKey('p-256')];
    const upper = await writeIntermediateCertificate('upper', publicKeyInfoOf(first), root, VALIDITY);
    const lower = await writeIntermediateCertificate(
      'lower',
      publicKeyInfoOf(second),
      { certificate: upper, privateKey: first },
      VALIDITY,
    );
    const der = await writeCertificate({ issuer: { certificate: lower, privateKey: second }, names: [uri(), email()] });
    expect(check(der, [lower, upper])).toBe('not-a-ca');
  });

  it('refuses one that has expired or is not valid yet, at the time of the check', async () => {
    const der = await writeCertificate({ issuer: root, names: [uri(), email()] });
    const { verifier, clock } = verifierFor([root.certificate]);
    expect(verifier.checkCertificate(der, []).nodeIds).toEqual([NODE]);
    clock.time = TEST_EPOCH + 2 * DAY;
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('expired');
    clock.time = TEST_EPOCH - 2 * DAY;
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('not-yet-valid');
  });

  it('refuses one whose issuer has expired', async () => {
    const old = await newRoot('old', { notBefore: TEST_EPOCH - 2 * DAY, notAfter: TEST_EPOCH - DAY });
    const der = await writeCertificate({ issuer: old, names: [uri(), email()] });
    expect(faultOf(() => verifierFor([old.certificate]).verifier.checkCertificate(der, []))).toBe('expired');
  });

  it('refuses one of another overlay, byte for byte', async () => {
    for (const overlay of ['other.example', 'Home.example'])
      expect(check(await writeCertificate({ issuer: root, names: [uri(NODE, overlay), email()] }))).toBe(
        'wrong-overlay',
      );
  });

  it('R6940-11.1-28 refuses any certificate with a bad node, and one accepted before once the node is listed', async () => {
    const der = await writeCertificate({ issuer: root, names: [uri('cd'.repeat(16)), uri(), email()] });
    const { verifier, source, configuration } = verifierFor([root.certificate]);
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('nothing thrown');
    source.replace({ configuration: { ...configuration, badNodes: [NODE as NodeId] }, document: new Uint8Array() });
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('bad-node');
  });

  it('refuses keys that are weak or unusual', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    for (const { privateKey } of [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ed25519'),
    ]) {
      const der = await writeCertificate({ issuer: root, key: privateKey, names: [uri(), email()] });
      expect(check(der)).toBe('unsupported-key');
    }
  });

  it('does not let a bucket of certificates that name one another cost much', async () => {
    const key = await generatePrivateKey('p-256');
    const loop = await newRoot('loop');
    const middle = await writeIntermediateCertificate('loop', publicKeyInfoOf(key), loop, VALIDITY);
    const der = await writeCertificate({ issuer: { certificate: middle, privateKey: key }, names: [uri(), email()] });
    expect(
      check(
        der,
        Array.from({ length: 200 }, () => middle),
      ),
    ).toBe('untrusted-chain');
  });
});

describe('self-signed certificates', () => {
  const names = (nodeIds: readonly NodeId[]) => ({
    overlayName: 'home.example',
    userName: 'me@anywhere.example',
    nodeIds,
  });

  it.each(['sha1', 'sha256'] as const)(
    'R6940-11.1-15 R6940-11.3.1-02 are accepted with the Node-ID made from the key by %s',
    async (digest) => {
      const key = await generatePrivateKey('p-256');
      const expected = createHash(digest).update(publicKeyInfoOf(key)).digest('hex').slice(0, 32);
      const der = await writeSelfSignedCertificate(names([expected as NodeId]), key, VALIDITY);
      const { verifier } = verifierFor([], { selfSignedDigest: digest });
      expect(verifier.checkCertificate(der, []).nodeIds).toEqual([expected]);
      const other = verifierFor([], { selfSignedDigest: digest === 'sha1' ? 'sha256' : 'sha1' });
      expect(faultOf(() => other.verifier.checkCertificate(der, []))).toBe('node-id-mismatch');
    },
  );

  it('R6940-11.3.1-03 have several Node-IDs by the index before the key, counted from 1', async () => {
    const key = await generatePrivateKey('p-256');
    const info = publicKeyInfoOf(key);
    const ids = selfSignedNodeIds(info, 'sha256', 2, 16);
    expect(ids[1]).toBe(
      createHash('sha256')
        .update(Uint8Array.of(0, 0, 0, 2))
        .update(info)
        .digest('hex')
        .slice(0, 32),
    );
    const der = await writeSelfSignedCertificate(names(ids), key, VALIDITY);
    const { verifier } = verifierFor([], { selfSignedDigest: 'sha256' });
    expect(verifier.checkCertificate(der, []).nodeIds).toEqual(ids);
  });

  it('R6940-11.3.1-04 are refused with a Node-ID copied from someone else', async () => {
    const der = await writeSelfSignedCertificate(names([NODE as NodeId]), await generatePrivateKey('p-256'), VALIDITY);
    const { verifier } = verifierFor([], { selfSignedDigest: 'sha256' });
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('node-id-mismatch');
  });

  it('are refused when their self-signature does not hold', async () => {
    const key = await generatePrivateKey('p-256');
    const ids = selfSignedNodeIds(publicKeyInfoOf(key), 'sha256', 1, 16);
    const der = await writeSelfSignedCertificate(names(ids), key, VALIDITY);
    const forged = await writeMemberCertificate(names(ids), publicKeyInfoOf(key), root, VALIDITY);
    der[der.length - 3] = (der[der.length - 3] ?? 0) ^ 1;
    const { verifier } = verifierFor([], { selfSignedDigest: 'sha256' });
    expect(faultOf(() => verifier.checkCertificate(der, []))).toBe('untrusted-chain');
    expect(faultOf(() => verifier.checkCertificate(forged, []))).toBe('untrusted-chain');
  });
});

describe('certificates made by another implementation', () => {
  const vectors = JSON.parse(readFileSync('test/vectors/reload-messages.json', 'utf8')) as readonly {
    name: string;
    layer: string;
    hex: string;
    meaning: { node_ids: readonly string[]; sha256: string };
  }[];

  it.each(vectors.filter(({ layer }) => layer === 'certificate'))('$name is read', ({ hex, meaning }) => {
    const certificate = readCertificate(Buffer.from(hex, 'hex'));
    expect(certificate.nodeIds).toEqual(meaning.node_ids);
    expect(certificate.fingerprint).toBe(meaning.sha256);
    expect(certificate.overlayName).toBe('h4.example.org');
  });
});

describe('a test overlay', () => {
  it('makes members whose certificates its verifier accepts', async () => {
    const overlay = await createTestOverlay();
    const [one, two] = await overlay.members(2);
    expect(one?.nodeId).not.toBe(two?.nodeId);
    expect(overlay.verifier().checkCertificate(one!.certificate.der, one!.chain).userName).toBe('user0@home.example');
  });
});
