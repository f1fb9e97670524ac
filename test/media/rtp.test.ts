import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reception } from '#media/reception.ts';
import { middleOfNtp, readRtcp, writeRtcp } from '#media/rtcp.ts';
import { readRtp, writeRtp } from '#media/rtp.ts';

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('RTP and RTCP packets', () => {
  it('reads back every RTP packet it writes', () => {
    fc.assert(
      fc.property(
        fc.record({
          marker: fc.boolean(),
          payloadType: fc.nat(127),
          sequence: u16,
          timestamp: u32,
          ssrc: u32,
          payload: fc.uint8Array({ maxLength: 400 }),
        }),
        (packet) => {
          expect(readRtp(writeRtp(packet))).toEqual(packet);
        },
      ),
    );
  });

  it('skips contributing sources, extensions and padding', () => {
    const packet = Uint8Array.from([
      ...[0xb1, 0x00, 0x00, 0x01, 0, 0, 0, 2, 0, 0, 0, 3],
      ...[9, 9, 9, 9],
      ...[0xbe, 0xde, 0, 1, 7, 7, 7, 7],
      ...[0x11, 0x22],
      ...[0, 2],
    ]);
    expect(Array.from(readRtp(packet)!.payload)).toEqual([0x11, 0x22]);
  });

  it('refuses or reads any datagram without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        if (bytes.length > 0) bytes[0] = 0x80 | (bytes[0]! & 0x3f);
        const packet = readRtp(bytes);
        expect(packet === undefined || packet.payload.length <= bytes.length).toBe(true);
        readRtcp(bytes);
      }),
      { numRuns: 2000 },
    );
    expect(readRtp(new Uint8Array(1501).fill(0x80))).toBeUndefined();
  });

  it('reads back sender and receiver reports, with the canonical name and a goodbye behind them', () => {
    const block = {
      ssrc: 5,
      fractionLost: 12,
      cumulativeLost: -3,
      highestSequence: 70_000,
      jitter: 31,
      lastSenderReport: 99,
      delaySinceLast: 65_536,
    };
    const sender = { time: 1_700_000_000_500, rtpTimestamp: 1234, packets: 50, octets: 8000 };
    const bytes = writeRtcp({ ssrc: 7, sender, blocks: [block] }, 'abc', true);
    expect(bytes.length % 4).toBe(0);
    const read = readRtcp(bytes);
    expect(read?.goodbyes).toEqual([7]);
    expect(read?.reports[0]?.blocks).toEqual([block]);
    expect(read?.reports[0]?.sender?.time).toBeCloseTo(sender.time, 3);
    expect(readRtcp(writeRtcp({ ssrc: 7, sender: undefined, blocks: [] }, 'abcdef', false))).toEqual({
      reports: [{ ssrc: 7, sender: undefined, blocks: [] }],
      goodbyes: [],
    });
    expect(middleOfNtp(1500) & 0xffff).toBe(0x8000);
  });

  it('counts loss over a wrap of the sequence number, and tells duplicates and restarts', () => {
    const packet = (sequence: number, timestamp = sequence * 160) => ({
      marker: false,
      payloadType: 0,
      sequence: sequence & 0xffff,
      timestamp,
      ssrc: 1,
      payload: new Uint8Array(),
    });
    const reception = new Reception(packet(0xfffe));
    for (const [n, sequence] of [0xfffe, 0xffff, 0x10001, 0x10000, 0x10003].entries()) {
      expect(reception.accept(packet(sequence), n * 20)).toBe('new');
    }
    expect(reception.accept(packet(0x10001), 100)).toBe('duplicate');
    expect(reception.lost).toBe(1);
    const report = reception.report(100);
    expect(report).toMatchObject({ cumulativeLost: 1, highestSequence: 0x10003, fractionLost: Math.floor(256 / 6) });
    expect(reception.accept(packet(0x14000), 120)).toBe('restarted');
  });
});
