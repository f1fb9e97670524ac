import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest } from '#sip/message/message.ts';
import { parseMessage } from '#sip/message/parser.ts';
import { printMessage } from '#sip/message/printer.ts';
import { bytes, INVITE_FIELDS, text } from './texts.ts';

describe('The parser', () => {
  it('never throws and never hangs, whatever octets it gets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
        expect(() => parseMessage(octets)).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it('gives a message or a typed fault for every mutation of a good one', () => {
    const good = Buffer.from(text(INVITE_FIELDS, 'v=0\r\n'), 'latin1');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(good.length),
        (changes, cut) => {
          const mutated = Buffer.from(good.subarray(0, good.length - (cut % 40)));
          for (const [at, value] of changes) if (at < mutated.length) mutated[at] = value;
          const { message, fault } = parseMessage(mutated);
          if (message === undefined) expect([400, 505, 513]).toContain(fault.fault.status);
          else expect(message.callId).toBeTypeOf('string');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('keeps what it does not change: any unknown field, in any spelling, is printed as it came', () => {
    const name = fc.stringMatching(/^X[a-zA-Z0-9.!%*_+`'~-]{0,12}$/);
    const value = fc.stringMatching(/^[ -~\x80-\xff]{0,60}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (extra) => {
        const original = text([...INVITE_FIELDS, ...extra.map(([key, content]) => `${key} :${content}`)]);
        const { message } = parseMessage(bytes(original));
        expect(message && Buffer.from(printMessage(message)).toString('latin1')).toBe(original);
      }),
      { numRuns: 200 },
    );
  });

  it('reads its own print again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.stringMatching(/^[a-zA-Z0-9]{1,20}$/), (body, user) => {
        const made = new SipRequest({
          method: 'MESSAGE',
          uri: `sip:${user}@home.example`,
          headers: Headers.of([
            ['Via', 'SIP/2.0/UDP [::1]:5060;branch=z9hG4bKabc;rport'],
            ['From', `"${user}" <sip:${user}@home.example>;tag=1`],
            ['To', '<sip:bob@home.example>'],
            ['Call-ID', 'x@y'],
            ['CSeq', '1 MESSAGE'],
          ]),
          body,
        });
        const { message } = parseMessage(printMessage(made));
        expect(message?.kind === 'request' && message.uri).toBe(made.uri);
        expect(message && Buffer.compare(message.body, body)).toBe(0);
        expect(message?.via).toMatchObject({ host: '[::1]', port: 5060 });
      }),
      { numRuns: 100 },
    );
  });

  it('refuses a bare line feed or carriage return in the header, by which a field could hide', () => {
    for (const hidden of ['X: a\nRoute: <sip:evil.example;lr>', 'X: a\rRoute: <sip:evil.example;lr>']) {
      expect(parseMessage(bytes(text([...INVITE_FIELDS, hidden]))).fault?.fault.code).toBe('malformed');
    }
  });

  it('takes a message with more than 512 header fields for an attack', () => {
    const many = Array.from({ length: 600 }, (_, i) => `X-${i}: y`);
    expect(parseMessage(bytes(text([...INVITE_FIELDS, ...many]))).fault?.fault.status).toBe(400);
  });
});

describe('Hostile datagrams of 60,000 octets take time linear in their length', () => {
  const replaced = (name: string, value: string) =>
    INVITE_FIELDS.map((field) => (field.startsWith(`${name}:`) ? `${name}: ${value}` : field));
  const attacks: Record<string, (length: number) => string> = {
    'a quoted display name full of spaces': (n) => text(replaced('From', `"${' '.repeat(n)}`)),
    'a quoted display name full of spaces that ends': (n) =>
      text(replaced('From', `"${' '.repeat(n)}" <sip:a@b.example>;tag=1`)),
    'backslashes in quotes': (n) => text(replaced('From', `"${'\\'.repeat(n)}`)),
    'spaces before a parameter': (n) => text(replaced('To', `<sip:a@b.example>${' '.repeat(n)};x`)),
    'open brackets': (n) => text(replaced('Contact', '<'.repeat(n))),
    'commas in Via': (n) => text(replaced('Via', `SIP/2.0/UDP a.example;branch=z9hG4bK1${','.repeat(n)}`)),
    'semicolons in the Request-URI': (n) => text(INVITE_FIELDS, '', `INVITE sip:a@b.example${';'.repeat(n)} SIP/2.0`),
    'spaces in the request line': (n) => text(INVITE_FIELDS, '', `INVITE${' '.repeat(n)}sip:a@b.example SIP/2.0`),
    'folds without end': (n) => text([...INVITE_FIELDS, `X: a${'\r\n '.repeat(n / 3)}`]),
    'colons without names': (n) => text([...INVITE_FIELDS, ':'.repeat(n)]),
    'percent signs': (n) => text(INVITE_FIELDS, '', `INVITE sip:${'%'.repeat(n)}@b.example SIP/2.0`),
    'digits in CSeq': (n) => text(replaced('CSeq', `${'0'.repeat(n)}1 INVITE`)),
    'spaces in Date': (n) => text([...INVITE_FIELDS, `Date: Mon,${' '.repeat(n)}x`]),
  };

  const timed = (message: Uint8Array) => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++) {
      const start = process.hrtime.bigint();
      parseMessage(message);
      best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e6);
    }
    return best;
  };

  for (const [what, build] of Object.entries(attacks)) {
    it(what, () => {
      const small = timed(bytes(build(6000)));
      const large = timed(bytes(build(60_000)));
      // Quadratic work would be a hundredfold and take seconds; the constant covers timer noise.
      expect(large).toBeLessThan(30 * small + 20);
    });
  }
});
