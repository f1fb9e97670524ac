import { createHash, verify, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { signDocument } from '#reload/enrollment/found-overlay.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readDocument, readKindBlock } from '#reload/overlay-config/document.ts';
import { printConfiguration, printDocument, printKind } from '#reload/overlay-config/print.ts';
import {
  acceptFetchedConfiguration,
  acceptFirstConfiguration,
  acceptNextConfiguration,
  requireKindSignature,
  signElement,
} from '#reload/security/configuration-signature.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { securityBlock } from '#reload/wire/security-block.ts';
import { createTestOverlay, fixedClock, type TestOverlay } from '../../support/overlay.ts';
import { DAY, faultOf } from './authority.ts';

let overlay: TestOverlay;
let member: Identity;
beforeAll(async () => {
  overlay = await createTestOverlay();
  member = await overlay.identity('mallory');
});

const replaceText = (bytes: Uint8Array, from: string | RegExp, to: string) =>
  utf8(new TextDecoder().decode(bytes).replace(from, to));
const first = (document: Uint8Array, clock = overlay.clock) =>
  faultOf(() => acceptFirstConfiguration(document, overlay.name, { clock, trustedRoot: overlay.root.certificate }));
const next = (document: Uint8Array, configuration = overlay.configuration) =>
  faultOf(() =>
    acceptNextConfiguration(document, { configuration, verifier: overlay.verifier(), clock: overlay.clock }),
  );
const signedBy = (signer: Identity, changes: Partial<OverlayConfiguration>) =>
  signDocument({ ...overlay.configuration, ...changes }, signer);

describe('the first configuration', () => {
  it('R6940-11.1-42 is accepted when its signer chains to the root of the invitation', () => {
    const { signedBytes, configuration } = acceptFirstConfiguration(overlay.document, overlay.name, {
      clock: overlay.clock,
      trustedRoot: overlay.root.certificate,
    });
    expect(configuration).toEqual(overlay.configuration);
    expect(new TextDecoder().decode(signedBytes)).toMatch(/^<configuration [\s\S]*<\/configuration>$/);
  });

  it('is refused under the root of another overlay, although it brings its own root along', async () => {
    const other = await createTestOverlay();
    expect(first(other.document)).toBe('signature');
  });

  it('R6940-11.1-41 R6940-11.1-46 is refused after any change of the signed bytes, white space included', () => {
    expect(first(replaceText(overlay.document, '</configuration>', ' </configuration>'))).toBe('signature');
    expect(first(replaceText(overlay.document, 'sequence="0"', 'sequence="1"'))).toBe('signature');
    expect(first(replaceText(overlay.document, '</overlay>', ' <!-- outside --> </overlay>'))).toBe('nothing thrown');
    const following = signedBy(overlay.configurationSigner, { sequence: 1 });
    expect(next(following)).toBe('nothing thrown');
    expect(next(replaceText(following, '</configuration>', ' </configuration>'))).toBe('signature');
    expect(next(replaceText(following, /<signature>.*<\/signature>/, ''))).toBe('signature');
  });

  it('R6940-11.1-43 is refused without a signature, or with one that is no SecurityBlock or has bytes behind it', () => {
    expect(first(replaceText(overlay.document, /<signature>.*<\/signature>/, ''))).toBe('signature');
    expect(first(replaceText(overlay.document, /<signature>.*<\/signature>/, '<signature>AAAA</signature>'))).toBe(
      'signature',
    );
    const { signatures } = readDocument(overlay.document);
    const longer = Buffer.from([...signatures[0]!, 0]).toString('base64');
    expect(first(replaceText(overlay.document, /<signature>.*<\/signature>/, `<signature>${longer}</signature>`))).toBe(
      'signature',
    );
    const urlSafe = Buffer.from(signatures[0]!).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    expect(urlSafe).toMatch(/[-_]/);
    const inOtherAlphabet = `<signature>${urlSafe}</signature>`;
    expect(first(replaceText(overlay.document, /<signature>.*<\/signature>/, inOtherAlphabet))).toBe('bad-value');
    const spaced = Buffer.from(signatures[0]!).toString('base64').replace(/.{60}/g, '$&\n  ');
    expect(
      first(replaceText(overlay.document, /<signature>.*<\/signature>/, `<signature>\n${spaced}\n</signature>`)),
    ).toBe('nothing thrown');
  });

  it('is refused when a member that is no configuration-signer signed it', () => {
    expect(first(signedBy(member, {}))).toBe('signature');
  });

  it('is refused when it has expired, and when this node lacks what it requires', () => {
    expect(first(signedBy(overlay.configurationSigner, { expiration: overlay.clock.now() - 1 }))).toBe('expired');
    expect(first(signedBy(overlay.configurationSigner, { mandatoryExtensions: ['urn:x'] }))).toBe('unsupported');
    expect(first(overlay.document, fixedClock(overlay.clock.now() + 4000 * DAY))).toBe('signature');
  });

  it('is not published when it could not travel in a ConfigUpdate', () => {
    expect(faultOf(() => signedBy(overlay.configurationSigner, { maxMessageSize: 5000 }))).toBe('too-large');
  });
});

describe('a configuration that follows', () => {
  it('R6940-11.1-45 is accepted when a configuration-signer of the one in force signed it, even to replace itself', () => {
    expect(next(signedBy(overlay.configurationSigner, { sequence: 1 }))).toBe('nothing thrown');
    const successor = { sequence: 1, configurationSigners: [member.nodeId] };
    expect(next(signedBy(overlay.configurationSigner, successor))).toBe('nothing thrown');
  });

  it('R6940-11.1-27 is accepted under a renewed certificate with the same Node-ID, and not from another member', async () => {
    const renewed = await overlay.identity('configuration', { nodeId: overlay.configurationSigner.nodeId });
    expect(renewed.certificate.fingerprint).not.toBe(overlay.configurationSigner.certificate.fingerprint);
    expect(next(signedBy(renewed, { sequence: 1 }))).toBe('nothing thrown');
    expect(next(signedBy(member, { sequence: 1 }))).toBe('signature');
  });

  it('R6940-4.1-01 is refused when only the new document lists its signer', () => {
    const usurped = { sequence: 1, configurationSigners: [member.nodeId], kindSigners: [member.nodeId] };
    expect(next(signedBy(member, usurped))).toBe('signature');
    expect(next(replaceText(overlay.document, 'sequence="0"', 'sequence="1"'))).toBe('signature');
  });

  it('is refused when it is not newer, modulo 65535', () => {
    expect(next(overlay.document)).toBe('stale');
    expect(next(overlay.document, { ...overlay.configuration, sequence: 65534 })).toBe('nothing thrown');
    expect(next(overlay.document, { ...overlay.configuration, sequence: 5 })).toBe('stale');
  });

  it('is refused for another overlay', async () => {
    const other = await createTestOverlay({ name: 'other.example' });
    expect(next(other.document)).toBe('wrong-overlay');
  });
});

describe('a document that a member fetched anew', () => {
  const fetched = (document: Uint8Array, changes: Partial<OverlayConfiguration> = {}) =>
    faultOf(() =>
      acceptFetchedConfiguration(document, {
        configuration: { ...overlay.configuration, ...changes },
        clock: overlay.clock,
      }),
    );

  it('may have a signer the node never heard of, below any root in force', async () => {
    const document = signedBy(member, {
      sequence: 1,
      configurationSigners: [member.nodeId],
      kindSigners: [member.nodeId],
    });
    expect(next(document)).toBe('signature');
    expect(fetched(document)).toBe('nothing thrown');
    const { root } = await createTestOverlay();
    expect(fetched(document, { rootCerts: [root.certificate, overlay.root.certificate] })).toBe('nothing thrown');
    expect(fetched(document, { rootCerts: [root.certificate] })).toBe('signature');
    expect(fetched(document, { rootCerts: [] })).toBe('signature');
  });

  it('is refused when it is not newer, and when it says itself that its signer may not sign', () => {
    expect(fetched(overlay.document)).toBe('stale');
    expect(fetched(overlay.document, { sequence: 5 })).toBe('stale');
    expect(fetched(signedBy(overlay.configurationSigner, { sequence: 1, configurationSigners: [member.nodeId] }))).toBe(
      'signature',
    );
    expect(fetched(signedBy(overlay.configurationSigner, { sequence: 1, mandatoryExtensions: ['urn:x'] }))).toBe(
      'unsupported',
    );
  });
});

describe('kind signatures', () => {
  it('R6940-11.1-38 R6940-11.1-40 hold over the bytes of the kind element, and a blank more breaks them', () => {
    const block = readDocument(overlay.document).kindBlocks[5]!;
    const check = (bytes: Uint8Array, signature: Uint8Array | undefined = block.signature) =>
      faultOf(() =>
        requireKindSignature(
          { ...block, signedBytes: bytes, signature },
          overlay.verifier(),
          overlay.configuration.kindSigners,
        ),
      );
    expect(check(block.signedBytes)).toBe('nothing thrown');
    expect(check(replaceText(block.signedBytes, '</kind>', ' </kind>'))).toBe('signature');
  });

  it('R6940-11.1-38 of a published document hold over just these bytes by arithmetic alone', () => {
    const xml = new TextDecoder().decode(overlay.document);
    const blocks = xml.split('<kind-block>').slice(1);
    expect(blocks).toHaveLength(overlay.configuration.kinds.length);
    for (const block of blocks) {
      const element = block.slice(block.indexOf('<kind '), block.indexOf('</kind>') + '</kind>'.length);
      const encoded = /<kind-signature>([^<]*)<\/kind-signature>/.exec(block)?.[1] ?? '';
      const { certificates, signature } = decode(securityBlock, Buffer.from(encoded, 'base64'));
      const { publicKey } = new X509Certificate(certificates[0]!.certificate);
      const identity = `010022${'0420'}${createHash('sha256').update(certificates[0]!.certificate).digest('hex')}`;
      const input = Buffer.concat([Buffer.from(element), Buffer.from(identity, 'hex')]);
      expect([signature.hashAlgorithm, verify('sha256', input, publicKey, signature.value)]).toEqual([4, true]);
    }
  });

  it('R6940-11.1-39 are refused from a member that is no kind-signer', () => {
    const kind = overlay.configuration.kinds[5]!;
    const xml = printKind(kind);
    const encoded = Buffer.from(signElement(createSigner(member), utf8(xml))).toString('base64');
    const block = readKindBlock(utf8(`<kind-block>${xml}<kind-signature>${encoded}</kind-signature></kind-block>`));
    expect(() => requireKindSignature(block, overlay.verifier(), overlay.configuration.kindSigners)).toThrow(
      /not among/,
    );
    expect(faultOf(() => requireKindSignature(block, overlay.verifier(), [member.nodeId]))).toBe('nothing thrown');
  });

  it('R6940-11.1-40 are wanted of every kind of a document: one that is missing refuses the document, one of no kind-signer the Kind', () => {
    const signer = createSigner(overlay.configurationSigner);
    const kinds = overlay.configuration.kinds.map((kind, index) => {
      const xml = printKind(kind);
      return { xml, signature: signElement(index === 5 ? createSigner(member) : signer, utf8(xml)) };
    });
    const xml = printConfiguration(overlay.configuration, kinds);
    const accepted = acceptFirstConfiguration(printDocument(xml, signElement(signer, utf8(xml))), overlay.name, {
      clock: overlay.clock,
      trustedRoot: overlay.root.certificate,
    });
    expect(accepted.configuration.kinds).toEqual(overlay.configuration.kinds.toSpliced(5, 1));
    expect(accepted.kindBlocks).toHaveLength(kinds.length - 1);
    const bare = xml.replace(/<kind-signature>[^<]*<\/kind-signature>/, '');
    expect(first(printDocument(bare, signElement(signer, utf8(bare))))).toBe('signature');
  });
});

describe('documents signed by others', () => {
  it('are accepted with the signer identity behind the signed bytes and without it', () => {
    const vectors = JSON.parse(readFileSync('test/vectors/reload-messages.json', 'utf8')) as readonly {
      name: string;
      hex: string;
    }[];
    const document = Buffer.from(vectors.find(({ name }) => name === 'config_document')!.hex, 'hex');
    const trustedRoot = readDocument(document).configuration.rootCerts[0]!;
    expect(
      acceptFirstConfiguration(document, 'h4.example.org', { clock: overlay.clock, trustedRoot }).configuration
        .sequence,
    ).toBe(2);

    const { signedBytes, signatures } = readDocument(overlay.document);
    const block = decode(securityBlock, signatures[0]!);
    const signature = createSigner(overlay.configurationSigner).sign(() => signedBytes);
    const bare = Buffer.from(encode(securityBlock, { ...block, signature })).toString('base64');
    expect(first(replaceText(overlay.document, /<signature>.*<\/signature>/, `<signature>${bare}</signature>`))).toBe(
      'nothing thrown',
    );
  });
});
