import { describe, expect, it } from 'vitest';
import { quote, unquote } from '#sip/message/cursor.ts';
import { Headers, splitList } from '#sip/message/headers.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { addressOfRecord, comparisonKey, parseUri } from '#sip/message/uri.ts';
import { parseVia, printVia } from '#sip/message/via.ts';

describe('Header fields', () => {
  const headers = Headers.of([
    ['Via', 'SIP/2.0/UDP a;branch=1, SIP/2.0/TCP b;branch=2'],
    ['v', 'SIP/2.0/TLS c;branch=3'],
    ['Contact', '"a, b" <sip:a@b;x=1,2>, <sip:c@d>'],
  ]);

  it('are found by long name, compact form and in any case', () => {
    expect(headers.list('via')).toEqual(['SIP/2.0/UDP a;branch=1', 'SIP/2.0/TCP b;branch=2', 'SIP/2.0/TLS c;branch=3']);
    expect(headers.count('VIA')).toBe(2);
  });

  it('are split at commas, but not within quotes and brackets', () => {
    expect(headers.list('m')).toEqual(['"a, b" <sip:a@b;x=1,2>', '<sip:c@d>']);
    expect(splitList('"\\",", b', 'x')).toEqual(['"\\","', 'b']);
  });

  it('lose only their first element when it is taken off', () => {
    const once = headers.replaceFirst('Via');
    expect(once.list('Via')).toEqual(['SIP/2.0/TCP b;branch=2', 'SIP/2.0/TLS c;branch=3']);
    expect(once.replaceFirst('Via').list('Via')).toEqual(['SIP/2.0/TLS c;branch=3']);
    expect(once.replaceFirst('Via').replaceFirst('Via').has('Via')).toBe(false);
  });

  it('put a new one ahead of those of its name and leave the original as it was', () => {
    expect(headers.prepend('Via', 'SIP/2.0/UDP z;branch=0').first('Via')).toBe('SIP/2.0/UDP z;branch=0');
    expect(headers.first('Via')).toBe('SIP/2.0/UDP a;branch=1');
    expect(headers.set('Via', 'x').list('Via')).toEqual(['x']);
  });
});

describe('URIs', () => {
  it('are taken apart as RFC 3261 §19.1.1 says', () => {
    expect(parseUri('sips:a%20b:pw@[2001:db8::1]:5061;transport=tcp;lr?subject=x', 'x')).toMatchObject({
      scheme: 'sips',
      user: 'a%20b',
      password: 'pw',
      host: '[2001:db8::1]',
      port: 5061,
      headers: 'subject=x',
    });
  });

  it.each([
    'sip:',
    'sip:@host',
    'sip:a@b@c',
    'sip:a%2@host',
    'sip:a@host:99999',
    'sip:a@host:',
    'sip:a@ho st',
    'sip:a@[::1',
    'sip:a@host;x=',
    'sip:a@host;x;x',
    'sip:a@host?x',
    'no-scheme',
    'a b:c',
  ])('refuses %s', (uri) => {
    expect(() => parseUri(uri, 'x')).toThrow(/malformed/);
  });

  it('compare by RFC 3261 §19.1.4', () => {
    const same = (a: string, b: string) => comparisonKey(a, 'x') === comparisonKey(b, 'x');
    expect(same('sip:%61lice@Atlanta.example;transport=TCP', 'sip:alice@AtLanTa.example;Transport=tcp')).toBe(true);
    expect(same('sip:carol@chicago.example;newparam=5;lr', 'sip:carol@chicago.example;lr;newparam=5')).toBe(true);
    expect(same('SIP:ALICE@a.example', 'sip:alice@a.example')).toBe(false);
    expect(same('sip:bob@b.example', 'sip:bob@b.example:5060')).toBe(false);
    expect(same('sip:bob@b.example', 'sips:bob@b.example')).toBe(false);
  });

  it('name an AOR with escapes resolved and the host in lower case', () => {
    const uri = parseUri('sip:%2B4930@Home.Example:5062;user=phone', 'x');
    expect(uri && addressOfRecord(uri)).toBe('+4930@home.example');
  });
});

describe('Addresses and Vias', () => {
  it('quotes and unquotes display names', () => {
    expect(unquote(quote('a "b" \\c'))).toBe('a "b" \\c');
    expect(quote('a\r\nEvil: x')).toBe('"a  Evil: x"');
  });

  it('takes a semicolon without brackets for the start of field parameters', () => {
    const address = parseNameAddress('sip:a@b;tag=1', 'From');
    expect(address.uri).toBe('sip:a@b');
    expect(address.parameters.get('tag')).toBe('1');
  });

  it.each(['<sip:a@b', '"x" sip:a@b', '<sip:a@b> x', '', '<>', '<sip:a@b>;tag=1;tag=2'])(
    'refuses the address %s',
    (text) => {
      expect(() => parseNameAddress(text, 'From')).toThrow(/malformed/);
    },
  );

  it('reads and prints IPv6 and received without brackets', () => {
    const via = parseVia('SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255;branch=z9hG4bKas3');
    expect(via).toMatchObject({ host: '[2001:db8::9:1]', port: 5060 });
    expect(printVia(via)).toBe('SIP/2.0/UDP [2001:db8::9:1]:5060;received=2001:db8::9:255;branch=z9hG4bKas3');
  });
});
