import { describe, expect, it } from 'vitest';
import { CurrentConfiguration, isNewerSequence } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';
import { printConfiguration, printDocument, printKind } from '#reload/overlay-config/print.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { documentOf, faultOf } from './documents.ts';

const signer = 'ab'.repeat(16) as NodeId;
const configuration = newConfiguration({
  instanceName: 'home.example',
  rootCerts: [Uint8Array.of(1, 2, 3)],
  configurationSigners: [signer],
  bootstrapNodes: [
    { address: '192.0.2.1', port: 6084 },
    { address: '2001:db8::1', port: 7000 },
  ],
  enrollmentServers: ['https://home.example:8443/enroll?a=1&b="<x>"'],
  expiration: Date.UTC(2030, 0, 1),
  badNodes: ['cd'.repeat(16) as NodeId],
});

function print(c: typeof configuration): Uint8Array {
  const kinds = c.kinds.map((kind) => ({ xml: printKind(kind), signature: Uint8Array.of(9) }));
  return printDocument(printConfiguration(c, kinds), Uint8Array.of(7));
}

describe('printing a configuration document', () => {
  it('R6940-11.1-44 writes what reading gives back, the signature directly behind the configuration', () => {
    const document = print(configuration);
    const signed = readDocument(document, 'home.example');
    expect(signed.configuration).toEqual(configuration);
    expect(signed.signatures).toEqual([Uint8Array.of(7)]);
    expect(new TextDecoder().decode(document)).toContain('</configuration>\n<signature>');
  });

  it('R6940-11.1-02 begins with an XML declaration that names the encoding', () => {
    expect(new TextDecoder().decode(print(configuration)).startsWith('<?xml version="1.0" encoding="UTF-8"?>\n')).toBe(
      true,
    );
  });

  it('covers the namespaces by the signature: the signed element means the same by itself', () => {
    const { signedBytes, kindBlocks } = readDocument(print(configuration), 'home.example');
    const alone = new TextDecoder().decode(signedBytes);
    const moved = new TextEncoder().encode(
      `<overlay xmlns="urn:ietf:params:xml:ns:p2p:config-base">${alone}</overlay>`,
    );
    expect(readDocument(moved, 'home.example').configuration).toEqual(configuration);
    expect(new TextDecoder().decode(kindBlocks[0]?.signedBytes)).toContain(
      'xmlns="urn:ietf:params:xml:ns:p2p:config-base:sip"',
    );
  });

  it('R6940-11.1-36 requires every Kind of the usages, each with the model and access of its registration', () => {
    requireSupported(configuration);
    expect(configuration.kinds.map(({ id, dataModel, accessControl }) => [id, dataModel, accessControl])).toEqual([
      [0x1, 'DICTIONARY', 'USER-NODE-MATCH'],
      [0x2, 'SINGLE', 'NODE-MULTIPLE'],
      [0x3, 'ARRAY', 'NODE-MATCH'],
      [0x10, 'ARRAY', 'USER-MATCH'],
      [0x104, 'DICTIONARY', 'NODE-ID-MATCH'],
      [0xf0000001, 'SINGLE', 'NODE-MATCH'],
      [0xf0000002, 'SINGLE', 'NODE-MATCH'],
    ]);
  });
});

describe('sequence numbers', () => {
  it('R6940-6.3.2.1-02 rise modulo 65535: 65534 is followed by 0', () => {
    expect(isNewerSequence(0, 65534)).toBe(true);
    expect(isNewerSequence(65534, 0)).toBe(false);
    expect(isNewerSequence(1, 0)).toBe(true);
    expect(isNewerSequence(5, 5)).toBe(false);
    expect(isNewerSequence(32767, 0)).toBe(true);
    expect(isNewerSequence(32768, 0)).toBe(false);
  });
});

describe('the configuration in force', () => {
  it('R6940-11.2-08 is replaced as a whole, and listeners hear of it', () => {
    const first = readDocument(print(configuration), 'home.example');
    const second = readDocument(print({ ...configuration, sequence: 1 }), 'home.example');
    const source = new CurrentConfiguration(first);
    const heard: number[] = [];
    source.onChange(({ sequence }) => heard.push(sequence));
    source.replace(second);
    expect(source.current.sequence).toBe(1);
    expect(source.bytes).toBe(second.document);
    expect(heard).toEqual([1]);
  });
});

describe('multicast groups of a document', () => {
  it('R7890-5.4-02 are written and read again, port 6084 unless told otherwise', () => {
    const multicastBootstrap = [
      { address: '239.255.60.84', port: 6084 },
      { address: 'ff02::6084', port: 7000 },
    ];
    const read = (document: Uint8Array) => readDocument(document).configuration.multicastBootstrap;
    expect(read(print({ ...configuration, multicastBootstrap }))).toEqual(multicastBootstrap);
    expect(read(print(configuration))).toEqual([]);
    expect(read(documentOf(group('address="224.0.1.9"')))).toEqual([{ address: '224.0.1.9', port: 6084 }]);
  });

  it.each(['192.0.2.1', '223.255.255.255', '240.0.0.1', 'fe80::1', '::1', 'group.example', ''])(
    'are not %j',
    (address) => {
      expect(faultOf(() => readDocument(documentOf(group(`address="${address}"`))))).toBe('bad-value');
    },
  );

  it('are eight at most', () => {
    expect(faultOf(() => readDocument(documentOf(group('address="224.0.1.9"').repeat(9))))).toBe('bad-value');
    expect(faultOf(() => readDocument(documentOf(group(''))))).toBe('missing');
  });
});

function group(attributes: string): string {
  return `<m:multicast-bootstrap xmlns:m="urn:copperring:config" ${attributes}/>`;
}
