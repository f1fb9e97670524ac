import { readFileSync } from 'node:fs';
import { RelaxNGValidator, XmlDocument } from 'libxml2-wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDocument } from '#reload/overlay-config/document.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import { documentOf, KIND_PARTS, kindBlock } from './documents.ts';
import { GRAMMAR } from './grammar.ts';

let schema: XmlDocument;
let validator: RelaxNGValidator;
beforeAll(() => {
  schema = XmlDocument.fromString(GRAMMAR);
  validator = RelaxNGValidator.fromDoc(schema);
});
afterAll(() => {
  validator.dispose();
  schema.dispose();
});

function validate(bytes: Uint8Array): void {
  const document = XmlDocument.fromBuffer(bytes);
  try {
    validator.validate(document);
  } finally {
    document.dispose();
  }
}

describe('the grammar of RFC 6940', () => {
  it('R6940-14.16-03 holds for the documents we publish', async () => {
    const overlay = await createTestOverlay({
      configuration: {
        bootstrapNodes: [{ address: '2001:db8::1', port: 6084 }],
        enrollmentServers: ['https://home.example:8443/enroll'],
        selfSignedDigest: 'sha256',
        expiration: Date.UTC(2036, 0, 1),
        badNodes: ['ab'.repeat(16) as never],
      },
    });
    validate(overlay.document);
  });

  it('R6940-11.1.1-01 has room for foreign elements and attributes, and so has our reading', () => {
    const x = 'xmlns:x="urn:x"';
    const kind = kindBlock(
      'id="4026531841"',
      `${Object.values(KIND_PARTS).join('')}<x:more ${x} x:a="1">1<x:b/></x:more>`,
    );
    const document = documentOf(
      `${kind}<x:any ${x}/><overlay-reliability-timer>200</overlay-reliability-timer>`,
      `instance-name="home.example" ${x} x:a="1"`,
    );
    validate(document);
    expect(readDocument(document).configuration).toMatchObject({ reliabilityTimer: 200, kinds: [{ id: 0xf0000001 }] });
  });

  it('holds for the document of another implementation', () => {
    const vectors = JSON.parse(readFileSync('test/vectors/reload-messages.json', 'utf8')) as readonly {
      name: string;
      hex: string;
    }[];
    validate(Buffer.from(vectors.find(({ name }) => name === 'config_document')!.hex, 'hex'));
  });

  it('refuses documents that break it, so that the checks above mean something', () => {
    validate(documentOf(''));
    for (const content of [
      '<no-ice>maybe</no-ice>',
      '<unknown/>',
      '<no-ice>true</no-ice><no-ice>true</no-ice>',
      '<bootstrap-node port="1"/>',
    ])
      expect(() => validate(documentOf(content)), content).toThrow();
  });
});
