import { describe, expect, it } from 'vitest';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { type Parsed, parseMessage } from '#sip/message/parser.ts';
import { fromHeaderText, printMessage } from '#sip/message/printer.ts';
import { parseVia } from '#sip/message/via.ts';
import archive from '../vectors/rfc4475.json' with { type: 'json' };

const names = archive as Readonly<Record<string, string>>;

function bytesOf(name: string): Uint8Array {
  const base64 = names[name];
  if (base64 === undefined) throw new Error(`no test message ${name}`);
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function request(name: string) {
  const { message } = parseMessage(bytesOf(name));
  if (message?.kind !== 'request') throw new Error(`${name} is no request`);
  return message;
}

function response(name: string) {
  const { message } = parseMessage(bytesOf(name));
  if (message?.kind !== 'response') throw new Error(`${name} is no response`);
  return message;
}

function statusOf(parsed: Parsed): number | undefined {
  return parsed.fault?.fault.status;
}

describe('RFC 4475 §3.1.1 valid messages', () => {
  it('wsinv: a short tortuous INVITE is read with folds, compact forms, joined Vias and odd case', () => {
    const invite = request('wsinv');
    expect(invite.uri).toBe('sip:vivekg@chair-dnrc.example.com;unknownparam');
    expect(invite.toTag).toBe('1918181833n');
    expect(invite.from).toMatchObject({ displayName: 'J Rosenberg \\"', uri: 'sip:jdrosen@example.com' });
    expect(invite.fromTag).toBe('98asjd8');
    expect(invite.cseq).toEqual({ number: 9, method: 'INVITE' });
    expect(invite.headers.value('Max-Forwards')).toBe('0068');
    expect(invite.headers.value('Subject')).toBe('');
    expect(invite.headers.value('NewFangledHeader')).toBe('newfangled value continued newfangled value');
    expect(invite.headers.list('Via').map((via) => parseVia(via))).toMatchObject([
      { transport: 'UDP', host: '192.0.2.2', port: undefined },
      { transport: 'TCP', host: 'spindle.example.com' },
      { transport: 'UDP', host: '192.168.255.111' },
    ]);
    expect(invite.headers.list('Via').map((via) => parseVia(via).parameters.get('branch'))).toEqual([
      '390skdjuw',
      'z9hG4bK9ikj8',
      'z9hG4bK30239',
    ]);
    const contact = parseNameAddress(invite.headers.first('Contact') ?? '', 'Contact');
    expect(contact.displayName).toBe('Quoted string ""');
    expect([...contact.parameters]).toEqual([
      ['newparam', 'newvalue'],
      ['secondparam', undefined],
      ['q', '0.33'],
    ]);
    expect(invite.body.length).toBe(150);
  });

  it('intmeth: the widest range of characters is taken', () => {
    const message = request('intmeth');
    expect(message.method).toBe("!interesting-Method0123456789_*+`.%indeed'~");
    expect(message.uri).toContain('pas$wo~d_too.(doesn');
    expect(message.sipUri?.host).toBe('example.com');
    expect(message.to.displayName).toBe('BEL:\x07 NUL:\x00 DEL:\x7f');
    expect(message.from.displayName).toBe("token1~` token2'+_ token3*%!.-");
    expect(message.fromTag).toBe("_token~1'+`*%!-.");
  });

  it('esc01: percent escapes of the Request-URI are valid and kept', () => {
    expect(request('esc01').uri).toBe('sip:sips%3Auser%40example.com@example.net');
  });

  it('escnull: an escaped NUL is a character like any other', () => {
    expect(
      request('escnull')
        .headers.list('Contact')
        .map((text) => parseNameAddress(text, 'Contact').uri),
    ).toEqual(['sip:%00@host5.example.com', 'sip:%00%00@host5.example.com']);
  });

  it('esc02: RE%47IST%45R is a method of its own and not REGISTER', () => {
    expect(request('esc02').method).toBe('RE%47IST%45R');
  });

  it('lwsdisp: no white space is needed between a display name and "<"', () => {
    expect(request('lwsdisp').from).toMatchObject({ displayName: 'caller', uri: 'sip:caller@example.com' });
  });

  it('longreq: long values are read whole', () => {
    const message = request('longreq');
    expect(message.headers.list('Via')).toHaveLength(34);
    expect(message.to.displayName?.length).toBeGreaterThan(100);
  });

  it('dblreq: octets behind the body of a datagram are ignored', () => {
    const message = request('dblreq');
    expect(message.method).toBe('REGISTER');
    expect(message.body).toHaveLength(0);
    expect(Buffer.from(bytesOf('dblreq')).indexOf(Buffer.from(printMessage(message)))).toBe(0);
  });

  it('semiuri: semicolons belong to the user part', () => {
    expect(request('semiuri').sipUri).toMatchObject({ user: 'user;par=u%40example.net', host: 'example.com' });
  });

  it('transports: transports of every name are taken in Via', () => {
    const vias = request('transports').headers.list('Via');
    expect(vias.map((via) => parseVia(via).transport)).toEqual(['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP']);
  });

  it('mpart01: a multipart body is kept octet by octet', () => {
    const message = request('mpart01');
    expect(message.body).toHaveLength(Number(message.headers.value('Content-Length')));
    expect(Buffer.from(message.body).includes(Buffer.from('Content-Type: application/pkcs7-mime'))).toBe(false);
    expect(Buffer.from(message.body).includes(Buffer.from('7a9cbec02ceef655'))).toBe(true);
  });

  it('unreason: a reason phrase may be in any script', () => {
    expect(fromHeaderText(response('unreason').phrase)).toBe('= 2**3 * 5**2 но сто девяносто девять - простое');
  });

  it('noreason: a reason phrase may be empty', () => {
    expect(response('noreason')).toMatchObject({ status: 100, phrase: '' });
  });

  for (const name of [
    'wsinv',
    'intmeth',
    'esc01',
    'escnull',
    'esc02',
    'lwsdisp',
    'longreq',
    'semiuri',
    'transports',
    'mpart01',
    'unreason',
    'noreason',
  ]) {
    it(`${name}: is printed again byte for byte`, () => {
      const { message } = parseMessage(bytesOf(name));
      expect(message && Buffer.compare(printMessage(message), bytesOf(name))).toBe(0);
    });
  }
});

describe('RFC 4475 §3.1.2 invalid messages', () => {
  for (const [name, what, status] of [
    ['badinv01', 'extraneous separators', 400],
    ['clerr', 'a Content-Length above the length of the datagram', 400],
    ['ncl', 'a negative Content-Length', 400],
    ['scalar02', 'request scalars out of range', 400],
    ['quotbal', 'an unterminated quoted string', 400],
    ['ltgtruri', 'brackets around the Request-URI', 400],
    ['lwsruri', 'white space in the Request-URI', 400],
    ['lwsstart', 'several spaces in the request line', 400],
    ['trws', 'a space at the end of the request line', 400],
    ['escruri', 'header fields in the Request-URI', 400],
    ['baddate', 'a time zone other than GMT', 400],
    ['regbadct', 'a Contact with a question mark and no brackets', 400],
    ['badaspec', 'spaces within an addr-spec', 400],
    ['badvers', 'an unknown protocol version', 505],
    ['mismatch01', 'a CSeq method that is not the method', 400],
    ['mismatch02', 'the same with an unknown method', 400],
  ] as const) {
    it(`${name}: ${what} is refused with ${status}, to a request that can be answered`, () => {
      const parsed = parseMessage(bytesOf(name));
      expect(statusOf(parsed)).toBe(status);
      expect(parsed.fault && parsed.request?.kind).toBe('request');
    });
  }

  it('baddn: unquoted characters in a display name are refused, and so is the missing end of its header', () => {
    expect(statusOf(parseMessage(bytesOf('baddn')))).toBe(400);
    const completed = parseMessage(Buffer.concat([bytesOf('baddn'), Buffer.from('\r\n\r\n')]));
    expect(completed.fault?.fault).toMatchObject({ status: 400, at: 'From' });
  });

  for (const name of ['scalarlg', 'bigcode'] as const) {
    it(`${name}: a response with numbers out of range is dropped`, () => {
      expect(parseMessage(bytesOf(name))).toMatchObject({
        fault: { fault: { code: 'malformed' } },
        request: undefined,
      });
    });
  }
});

describe('RFC 4475 §3.2 to §3.4 messages whose meaning decides', () => {
  for (const [name, at] of [
    ['insuf', 'from'],
    ['multi01', 'cseq'],
    ['mcl01', 'content-length'],
  ] as const) {
    it(`${name}: is refused because of ${at}`, () => {
      expect(parseMessage(bytesOf(name)).fault?.fault).toMatchObject({ status: 400, at });
    });
  }

  for (const name of [
    'badbranch',
    'unkscm',
    'novelsc',
    'unksm2',
    'bext01',
    'invut',
    'regaut01',
    'bcast',
    'zeromf',
    'cparam01',
    'cparam02',
    'regescrt',
    'sdp01',
    'inv2543',
  ]) {
    it(`${name}: is syntactically good and left to the layer above`, () => {
      expect(parseMessage(bytesOf(name)).fault).toBeUndefined();
    });
  }

  it('unkscm and novelsc: a Request-URI of another scheme has no SIP parts', () => {
    expect(request('unkscm').sipUri).toBeUndefined();
    expect(request('novelsc').sipUri).toBeUndefined();
  });

  it('cparam01 and cparam02: a parameter belongs to the field without brackets and to the URI within', () => {
    const contact = (name: string) => parseNameAddress(request(name).headers.first('Contact') ?? '', 'Contact');
    expect(contact('cparam01')).toMatchObject({ uri: 'sip:+19725552222@gw1.example.net' });
    expect(contact('cparam01').parameters.has('unknownparam')).toBe(true);
    expect(contact('cparam02')).toMatchObject({ uri: 'sip:+19725552222@gw1.example.net;unknownparam' });
  });
});
