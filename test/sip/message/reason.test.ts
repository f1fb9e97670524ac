import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseReasons, printReason } from '#sip/message/reason.ts';

describe('the Reason field', () => {
  it('is read as RFC 3326 §2 writes it, several in one line, spaces and case as they come', () => {
    expect(parseReasons('SIP ;cause=200 ;text="Call completed elsewhere"')).toEqual([
      { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' },
    ]);
    expect(parseReasons('Q.850 ;cause=16 ;text="Terminated", sip;cause=600;text="a, \\"b\\""')).toEqual([
      { protocol: 'Q.850', cause: 16, text: 'Terminated' },
      { protocol: 'SIP', cause: 600, text: 'a, "b"' },
    ]);
    expect(parseReasons('Q.850;cause=99999;location=LN')).toEqual([
      { protocol: 'Q.850', cause: undefined, text: undefined },
    ]);
  });

  it('loses what is malformed and keeps the rest', () => {
    expect(parseReasons(undefined)).toEqual([]);
    expect(parseReasons('hung up')).toEqual([]);
    expect(parseReasons('"x, Q.850;cause=17')).toEqual([]);
    expect(parseReasons(';;;, Q.850;cause=17')).toMatchObject([{ cause: 17 }]);
    expect(parseReasons(`Q.850;cause=1;text="${'x'.repeat(4000)}"`)[0]?.text).toHaveLength(128);
    expect(parseReasons(new Array(200).fill('SIP;cause=1').join(', '))).toHaveLength(8);
  });

  it('is printed so that it reads as it was', () => {
    expect(printReason({ protocol: 'Q.850', cause: 17, text: 'User busy' })).toBe('Q.850;cause=17;text="User busy"');
    expect(printReason({ protocol: 'X', cause: undefined, text: undefined })).toBe('X');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.stringMatching(/^[ -~]{0,60}$/), (cause, text) => {
        expect(parseReasons(printReason({ protocol: 'SIP', cause, text }))).toEqual([{ protocol: 'SIP', cause, text }]);
      }),
    );
    fc.assert(fc.property(fc.string(), (value) => Array.isArray(parseReasons(value))));
  });
});
