import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agree, OFFERED_CODECS } from '#media/negotiation.ts';
import { parseSdp, printSdp } from '#media/sdp.ts';
import { Failure } from '#platform/failure.ts';

const offer = [
  'v=0',
  'o=phone 1 1 IN IP4 192.0.2.7',
  's=call',
  'c=IN IP4 192.0.2.7',
  't=0 0',
  'a=sendonly',
  'm=video 5000 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  'm=audio 4000 RTP/AVP 9 8 0 97',
  'c=IN IP4 192.0.2.8',
  'a=rtpmap:9 G722/8000',
  'a=rtpmap:97 telephone-event/8000',
  'a=rtcp:4009 IN IP4 192.0.2.8',
  '',
].join('\r\n');

describe('session descriptions', () => {
  it('takes the first known codec of the first usable audio stream, with its own address, events and direction', () => {
    expect(agree(parseSdp(offer))).toEqual({
      mediaIndex: 1,
      codec: { payloadType: 8, name: 'PCMA', clockRate: 8000 },
      events: { payloadType: 97, name: 'TELEPHONE-EVENT', clockRate: 8000 },
      direction: 'recvonly',
      address: '192.0.2.8',
      port: 4000,
      rtcpPort: 4009,
    });
  });

  it('answers with as many media as were offered, the others refused by port 0', () => {
    const media = parseSdp(offer);
    const text = printSdp({
      sessionId: 5,
      version: 2,
      address: '2001:db8::1',
      port: 6000,
      direction: 'recvonly',
      codecs: OFFERED_CODECS,
      answering: { media, taken: 1 },
    });
    const lines = text.split('\r\n');
    expect(lines.filter((line) => line.startsWith('m='))).toEqual([
      'm=video 0 RTP/AVP 96',
      'm=audio 6000 RTP/AVP 0 8 101',
    ]);
    expect(lines).toContain('c=IN IP6 2001:db8::1');
    expect(lines).toContain('a=recvonly');
    expect(parseSdp(text)[1]?.codecs).toEqual(OFFERED_CODECS);
  });

  it('reads hold by address as nowhere to send to', () => {
    expect(agree(parseSdp(offer.replaceAll('192.0.2.8', '0.0.0.0'))).address).toBeUndefined();
  });

  it.each([
    ['no audio', offer.replace('m=audio', 'm=text'), 'no-common-codec'],
    ['only codecs not known here', offer.replace('9 8 0 97', '9 18'), 'no-common-codec'],
    ['only encrypted sound', offer.replaceAll('RTP/AVP', 'RTP/SAVP'), 'no-common-codec'],
    ['a refused stream', offer.replace('m=audio 4000', 'm=audio 0'), 'no-common-codec'],
    [
      'a host name instead of an address',
      offer.replace('c=IN IP4 192.0.2.8', 'c=IN IP4 phone.example'),
      'bad-description',
    ],
    ['no connection line', offer.replaceAll(/c=.*\r\n/g, ''), 'bad-description'],
    ['no version line', 'hello', 'bad-description'],
    ['too many media', `v=0\r\n${'m=audio 1 RTP/AVP 0\r\n'.repeat(17)}`, 'bad-description'],
    ['too long a text', `v=0\r\n${'a'.repeat(20_000)}`, 'bad-description'],
  ])('refuses %s', (_, text, code) => {
    expect(() => agree(parseSdp(text))).toThrow(expect.objectContaining({ fault: expect.objectContaining({ code }) }));
  });

  it('meets any text with a description or a typed error', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...offer.split('\r\n')),
      fc.string().map((s) => `a=${s}`),
      fc.string().map((s) => `m=${s}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
        try {
          agree(parseSdp(['v=0', ...lines].join('\r\n')));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
    );
  });
});
