import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamFramer } from '#sip/transport/framer.ts';
import { bytes, INVITE_FIELDS, text } from '../message/texts.ts';

const small = text(INVITE_FIELDS, 'v=0\r\n\r\nINVITE');
const empty = text(INVITE_FIELDS);

describe('Messages on a stream', () => {
  it('come out whole, however the stream is cut into pieces', () => {
    const stream = bytes(`\r\n${small}${empty}\r\n${small}`);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 30 }), (cuts) => {
        const framer = new StreamFramer();
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          for (const frame of framer.push(stream.subarray(at, at + cut))) {
            found.push(frame.type === 'message' ? Buffer.from(frame.bytes).toString('latin1') : 'ping');
          }
          at += cut;
        }
        expect(found).toEqual([small, empty, small]);
      }),
      { numRuns: 200 },
    );
  });

  it('are told from pings of two line ends', () => {
    expect(new StreamFramer().push(bytes(`\r\n\r\n${empty}\r\n\r\n`)).map(({ type }) => type)).toEqual([
      'ping',
      'message',
      'ping',
    ]);
  });

  it('end the stream when they have no Content-Length, or a header or body beyond the limit', () => {
    expect(() => new StreamFramer().push(bytes(empty.replace(/Content-Length.*\r\n/, '')))).toThrow(/Content-Length/);
    expect(() => new StreamFramer().push(bytes('x'.repeat(70_000)))).toThrow(/longer/);
    expect(() =>
      new StreamFramer().push(bytes(empty.replace('Content-Length: 0', 'Content-Length: 999999999'))),
    ).toThrow(/longer/);
  });

  it('are searched once, even when they come octet by octet', () => {
    const framer = new StreamFramer();
    const slow = bytes(text([...INVITE_FIELDS, `X: ${'y'.repeat(60_000)}`]));
    const started = Date.now();
    let found = 0;
    for (let i = 0; i < slow.length; i++) found += framer.push(slow.subarray(i, i + 1)).length;
    expect(found).toBe(1);
    // Searching anew for each octet would look at two thousand million of them.
    expect(Date.now() - started).toBeLessThan(5000);
  });
});
