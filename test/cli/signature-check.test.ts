import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';
import { describe, expect, it } from 'vitest';
import { readCertificate } from '#reload/security/certificate.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { createSigner } from '#reload/security/signer.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { encode } from '#reload/wire/codec.ts';
import { CertificateType, KindId, MessageCode } from '#reload/wire/codes.ts';
import { fetchAns } from '#reload/wire/fetch.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { encodeContents, encodeMessage, splitMessage } from '#reload/wire/message.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import type { Signature } from '#reload/wire/security-block.ts';
import { encodeStoredData, type StoredDataValue } from '#reload/wire/stored-data.ts';
import { bytesOf, vector } from '../vectors/reload-vectors.ts';
import { decodedOne, encoded, HEADER, MODELS } from './json-lines.ts';

describe('the verdict on signatures', () => {
  it('is invalid when a byte of the contents was changed', async () => {
    const bytes = bytesOf(vector('ping_req'));
    const { header, contents, security } = splitMessage(bytes);
    const other = encodeContents({ ...contents, body: Uint8Array.of(0, 1, 9) });
    expect(await decodedOne(encodeMessage(header, other, security))).toMatchObject({ ok: true, signature: 'invalid' });
  });

  it('is invalid when the message was moved to another overlay or transaction', async () => {
    const { header, contentsBytes, security } = splitMessage(bytesOf(vector('ping_ans')));
    const moved = encodeMessage({ ...header, overlay: header.overlay - 1 }, contentsBytes, security);
    const replayed = encodeMessage({ ...header, transactionId: 1n }, contentsBytes, security);
    expect(await decodedOne(moved)).toMatchObject({ signature: 'invalid' });
    expect(await decodedOne(replayed)).toMatchObject({ signature: 'invalid' });
  });

  it('is unchecked only where the certificate of the signer is not in the security block', async () => {
    const { header, contentsBytes, security } = splitMessage(bytesOf(vector('ping_req')));
    const stranger = splitMessage(bytesOf(vector('ping_ans'))).security.certificates;
    const without = encodeMessage(header, contentsBytes, { ...security, certificates: [] });
    const withOther = encodeMessage(header, contentsBytes, { ...security, certificates: stranger });
    const withBoth = encodeMessage(header, contentsBytes, {
      ...security,
      certificates: [...stranger, ...security.certificates],
    });
    expect(await decodedOne(without)).toMatchObject({ ok: true, signature: 'unchecked', reencodes: true });
    expect(await decodedOne(withOther)).toMatchObject({ ok: true, signature: 'unchecked' });
    expect(await decodedOne(withBoth)).toMatchObject({ ok: true, signature: 'valid' });
  });

  it.each([
    ['store_req_dictionary', 'valid'],
    ['store_req_array_append', 'valid'],
    ['store_req_turn_service', 'valid'],
    ['store_req_certificate_by_node', 'valid'],
    ['fetch_ans_single', 'valid'],
    ['fetch_ans_array', 'valid'],
    ['fetch_ans_nonexistent', 'unchecked'],
  ])('is given for each stored value: %s', async (name, verdict) => {
    const text = JSON.stringify(await decodedOne(vector(name).hex, MODELS));
    expect([...text.matchAll(/"signature_check":"(\w+)"/g)].map((match) => match[1])).toEqual([verdict]);
  });

  it('is invalid for a stored value that was changed', async () => {
    const result = await decodedOne(vector('store_req_single').hex, MODELS);
    const changed = JSON.parse(JSON.stringify(result).replace('73696e676c652076616c7565', '73696e676c652076616c7566'));
    const [hex = ''] = await encoded(changed);
    expect(await decodedOne(hex, MODELS)).toMatchObject({
      signature: 'invalid',
      body: { kind_data: [{ values: [{ signature_check: 'invalid' }] }] },
    });
  });

  it('is valid for cert_hash_node_id and ECDSA, and for a ReDiR value found through its own place in the tree', async () => {
    const signer = createSigner(await multiNodeIdentity());
    const { nodeId, certificate } = signer;
    const provider = { type: 0, namespace: 'x-pstn-gateway', level: 2, node: 3, extension: new Uint8Array() };
    const value: StoredDataValue = {
      model: 'dictionary',
      key: idBytes(nodeId),
      exists: true,
      value: encode(redirServiceProvider, { ...provider, destinationList: [{ type: 'node', id: nodeId }] }),
    };
    const resource = hashToResourceId(Buffer.concat([Buffer.from('x-pstn-gateway'), Buffer.from([0, 2, 0, 3])]));
    const kind = KindId.redir;
    const signature = signer.sign(valueSignatureInput({ resource, kind, storageTime: 5n, value }));
    const values = encodeStoredData('dictionary', [{ storageTime: 5n, lifetime: 600, value, signature }]);
    const body = encode(fetchAns, { kindResponses: [{ kind, generation: 1n, values }] });
    const contents = encodeContents({ code: MessageCode.fetchAns, body, extensions: [] });
    const input = messageSignatureInput(HEADER.overlay, HEADER.transactionId, contents);
    const sealed = (own: Signature) =>
      encodeMessage(HEADER, contents, {
        certificates: [{ type: CertificateType.x509, certificate: certificate.der }],
        signature: own,
      });

    const good = await decodedOne(sealed(signer.sign(input)));
    expect(good).toMatchObject({
      signature: 'valid',
      security: { signature: { signature_algorithm: 3, identity: { type: 'cert_hash_node_id' } } },
      body: { kind_responses: [{ values: [{ signature_check: 'valid', value: { value: { level: 2 } } }] }] },
    });
    const weak = { ...signer.sign(input), hashAlgorithm: 2 };
    expect(await decodedOne(sealed(weak))).toMatchObject({ signature: 'invalid' });
  });

  async function multiNodeIdentity() {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    const nodeIds = ['1'.repeat(32), '2'.repeat(32)] as NodeId[];
    const names = nodeIds.map((id) => ({ type: 'url', value: `reload://0110${id}@h4.example.org/` }) as const);
    const made = await X509CertificateGenerator.createSelfSigned(
      {
        serialNumber: '01',
        name: 'CN=test',
        notBefore: new Date(0),
        notAfter: new Date(4e12),
        signingAlgorithm: algorithm,
        keys,
        extensions: [new SubjectAlternativeNameExtension([...names, { type: 'email', value: 'eve@h4.example.org' }])],
      },
      webcrypto,
    );
    const certificate = readCertificate(new Uint8Array(made.rawData));
    const nodeId = nodeIds[1] as NodeId;
    return { nodeId, certificate, chain: [], privateKey: KeyObject.from(keys.privateKey) };
  }
});
