import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAor } from '#reload/usages/sip/aor.ts';
import { decodeGr, encodeGr, parseGruu, printGruu } from '#reload/usages/sip/gruu.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

const A: Destination = { type: 'node', id: '0123456789abcdef0123456789abcdef' as NodeId };
const B: Destination = { type: 'node', id: 'fedcba9876543210fedcba9876543210' as NodeId };
const OPAQUE: Destination = { type: 'opaque', id: Uint8Array.of(0x80, 0x01), compact: true };

describe('GRUU', () => {
  it.each([
    [[A], 'ARABI0VniavN7wEjRWeJq83v'],
    [[A, B], 'ARABI0VniavN7wEjRWeJq83vARD+3LqYdlQyEP7cuph2VDIQ'],
    [[A, OPAQUE], 'ARABI0VniavN7wEjRWeJq83vgAE~'],
  ])('R7904-6-01 R7904-6-02 R7904-6-03 %# writes and reads destination lists', (list, gr) => {
    expect(encodeGr(list)).toBe(gr);
    expect(decodeGr(gr)).toEqual(list);
  });

  it.each([
    ['a 20-byte bare id, as in the example of the RFC', 'MDEyMzQ1Njc4OTAxMjM0NTY3ODk~'],
    ['the url-safe alphabet', 'ARABI0VniavN7wEjRWeJq83vARD-3LqYdlQyEP7cuph2VDIQ'],
    ['a real pad', 'ARABI0VniavN7wEjRWeJq83vgAE='],
    ['bits behind the end', 'ARABI0VniavN7wEjRWeJq83vgAF~'],
    ['nothing', ''],
    ['garbage', 'xyz'],
    ['too much', 'A'.repeat(2049)],
  ])('R7904-6-07 refuses %s', (_what, gr) => {
    expect(decodeGr(gr)).toBeUndefined();
  });

  it('finds the parameter in a URI, escaped or not, and keeps its case', () => {
    const aor = parseAor('bob@dht.example.com')!;
    const uri = printGruu({ aor, destinations: [A, B] });
    expect(uri).toBe('sip:bob@dht.example.com;gr=ARABI0VniavN7wEjRWeJq83vARD+3LqYdlQyEP7cuph2VDIQ');
    expect(parseGruu(uri)).toEqual({ aor, destinations: [A, B] });
    const escaped =
      'sip:bob@dht.example.com:5060;transport=tls;GR=ARABI0VniavN7wEjRWeJq83vARD%2B3LqYdlQyEP7cuph2VDIQ?x=y';
    expect(parseGruu(escaped)).toEqual({ aor, destinations: [A, B] });
    for (const none of ['sip:bob@dht.example.com', 'sip:bob@dht.example.com;gr', 'sip:bob@dht.example.com;gr=%zz']) {
      expect(parseGruu(none)).toBeUndefined();
    }
  });

  it('never throws and is exact where it accepts', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const list = decodeGr(text);
        if (list !== undefined) expect(encodeGr(list)).toBe(text);
      }),
    );
  });
});
