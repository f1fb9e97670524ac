import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { readXml, XML_LIMITS } from '#reload/overlay-config/xml.ts';
import { faultOf } from './documents.ts';

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('reading XML', () => {
  it('finds each element by its exact bytes, whatever characters, line ends, comments and CDATA stand around', () => {
    const document = utf8(
      '<?xml version="1.0"?>\r\n<!-- <b>ä</b> --><a x="é𝄞">\r\n<b>ü&#228;<![CDATA[</b><b>]]></b\r\n><c/>𝄞<b >z</b></a>\r\n',
    );
    const root = readXml(document);
    const slices = root.children.map((child) => text(document.subarray(child.start, child.end)));
    expect(slices).toEqual(['<b>ü&#228;<![CDATA[</b><b>]]></b\r\n>', '<c/>', '<b >z</b>']);
    expect(text(document.subarray(root.start, root.end)).startsWith('<a x="é𝄞">')).toBe(true);
    expect(root.children[0]?.text).toBe('üä</b><b>');
  });

  it('keeps byte offsets right behind a byte order mark', () => {
    const document = utf8('\ufeff<a><b>x</b></a>');
    const child = readXml(document).children[0];
    expect(text(document.subarray(child?.start, child?.end))).toBe('<b>x</b>');
  });

  it('refuses an entity bomb, as any document type', () => {
    const entities = Array.from({ length: 10 }, (_, i) => `<!ENTITY e${i + 1} "&e${i};&e${i};&e${i};&e${i};">`).join(
      '',
    );
    const bomb = utf8(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e0 "ha">${entities}]><a>&e10;</a>`);
    expect(faultOf(() => readXml(bomb))).toBe('forbidden-markup');
    expect(faultOf(() => readXml(utf8('<a>&unknown;</a>')))).toBe('not-well-formed');
    expect(faultOf(() => readXml(utf8('<a><?php x?></a>')))).toBe('forbidden-markup');
  });

  it('refuses a hundred thousand nested elements, as many attributes, and a document beyond the size limit', () => {
    expect(faultOf(() => readXml(utf8('<a>'.repeat(100_000))))).toBe('too-large');
    const attributes = Array.from({ length: 50_000 }, (_, i) => `a${i}="1"`).join(' ');
    expect(faultOf(() => readXml(utf8(`<a ${attributes}/>`)))).toBe('too-large');
    expect(faultOf(() => readXml(utf8(`<a>${'<b/>'.repeat(XML_LIMITS.elements)}</a>`)))).toBe('too-large');
    expect(faultOf(() => readXml(new Uint8Array(XML_LIMITS.documentBytes + 1)))).toBe('too-large');
  });

  it('reads one attribute of a megabyte less a little in no time', () => {
    const huge = 'x'.repeat(1_000_000);
    expect(readXml(utf8(`<a b="${huge}"/>`)).attributes.get('b')).toBe(huge);
  });

  it('R6940-11.1-01 refuses XML that is not well-formed', () => {
    for (const broken of ['', '<a>', '<a></b>', '<a b="1" b="2"/>', '<a/><a/>', '<a>&</a>', '<x:a/>', 'plain'])
      expect(
        faultOf(() => readXml(utf8(broken))),
        broken,
      ).toBe('not-well-formed');
  });

  it('R6940-11.1-03 refuses a document that is not UTF-8', () => {
    const utf16 = Buffer.from('\ufeff<a/>', 'utf16le');
    const latin1 = Buffer.from('<a>é</a>', 'latin1');
    expect(faultOf(() => readXml(utf16))).toBe('not-well-formed');
    expect(faultOf(() => readXml(latin1))).toBe('not-well-formed');
    expect(faultOf(() => readXml(utf8('<?xml version="1.0" encoding="ISO-8859-1"?><a/>')))).toBe('forbidden-markup');
  });

  it('throws nothing but typed faults on random mutations', () => {
    const sample = '<?xml version="1.0"?><a x="1"><!--c--><b>t&amp;</b><c xmlns="urn:x"/></a>';
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(sample.length), fc.string({ maxLength: 3 })), { maxLength: 4 }), (edits) => {
        let mutated = sample;
        for (const [at, insert] of edits) mutated = mutated.slice(0, at) + insert + mutated.slice(at + insert.length);
        try {
          readXml(utf8(mutated));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 300 },
    );
  });
});
