import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { domainOf, numberAor, parseAor, userOf } from '#reload/usages/sip/aor.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';

describe('AOR', () => {
  it.each([
    ['alice@dht.example.com', '0c51a942f50c828aef82a5af83e8ed59'],
    ['bob@dht.example.com', '6c1cfd6d5d9e35557d66a1b05f9e2247'],
    ['+15551234567@dht.example.com', '24410e1dfb7b2908bd84193a13c5db93'],
    ['Alice@dht.example.com', 'd0f50235f4b442f65eb5430133711f3a'],
  ])('R7904-3.1-01 R7904-1-05 %s hashes to %s', (text, resource) => {
    expect(hashToResourceId(parseAor(text)!)).toBe(resource);
  });

  it.each([
    'sip:alice@dht.example.com',
    'SIPS:alice@dht.example.com',
    'alice@DHT.Example.COM',
    'sip:alice:secret@dht.example.com:5061;transport=tls?subject=x',
    'sip:%61lice@dht.example.com',
    'sip:alice@dht.example.com.',
  ])('R7904-2-01 R7904-7-04 R7904-7-05 %s is alice@dht.example.com', (text) => {
    expect(parseAor(text)).toBe('alice@dht.example.com');
  });

  it.each([
    'alice',
    '@dht.example.com',
    'alice@',
    'sip:dht.example.com',
    'sip:J%C3%BCrgen@dht.example.com',
    'J\u00fcrgen@dht.example.com',
    'sip:alice%40x@host',
    'alice@x@host',
    'sip:al%ice@host',
    'sip:al%2@host',
    'sip:alice%00@host',
    'sip:al%20ice@host',
    'bob@dht%2Eexample.com',
    'alice:secret@host',
    'tel:+15551234567',
    'alice@-host',
    'alice@a..b',
    'alice@host:port',
    `${'a'.repeat(600)}@host`,
  ])('R7904-3.4-08 has no form for %s', (text) => {
    expect(parseAor(text)).toBeUndefined();
  });

  it('decodes escapes once only', () => {
    expect(parseAor('sip:a%2540b@host')).toBe('a%40b@host');
  });

  it('takes user and domain apart', () => {
    const aor = parseAor('sip:+4930;ext=5@[2001:db8::1]:5060')!;
    expect([userOf(aor), domainOf(aor)]).toEqual(['+4930;ext=5', '[2001:db8::1]']);
  });

  it('gives numbers an AOR of the overlay', () => {
    expect(numberAor('+15551234567', 'dht.example.com')).toBe('+15551234567@dht.example.com');
    for (const bad of ['15551234567', '+', '+1234567890123456', '+12a'])
      expect(numberAor(bad, 'x.org')).toBeUndefined();
  });

  it('is either refused or printable ASCII with one user and one host, for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `sip:${s}@h.example`),
        ),
        (text) => {
          const aor = parseAor(text);
          if (aor !== undefined) expect(aor).toMatch(/^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/);
        },
      ),
    );
  });
});
