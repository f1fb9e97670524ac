import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeAckFrame, encodeDataFrame, FrameReader, type LinkFrame } from '#reload/link/frame-reader.ts';
import { decode } from '#reload/wire/codec.ts';
import { framedMessage } from '#reload/wire/frame.ts';

const LIMIT = 5000;

function readAll(chunks: readonly Uint8Array[], limit = LIMIT): LinkFrame[] {
  const reader = new FrameReader();
  const frames: LinkFrame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let frame = reader.next(limit); frame !== undefined; frame = reader.next(limit)) frames.push(frame);
  }
  return frames;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

const anyFrame = fc.oneof(
  fc.record({
    type: fc.constant('data' as const),
    sequence: fc.nat(0xffffffff),
    message: fc.uint8Array({ maxLength: 400 }),
  }),
  fc.record({ type: fc.constant('ack' as const), sequence: fc.nat(0xffffffff), received: fc.nat(0xffffffff) }),
);

function encodeFrame(
  frame: { type: 'data'; sequence: number; message: Uint8Array } | { type: 'ack'; sequence: number; received: number },
) {
  return frame.type === 'data'
    ? encodeDataFrame(frame.sequence, frame.message)
    : encodeAckFrame(frame.sequence, frame.received);
}

describe('frames of a link', () => {
  it('R6940-6.6.2-01 are the bytes of the RFC: type, sequence, and a message behind three bytes of length', () => {
    expect(hex(encodeDataFrame(0, Buffer.from('hello')))).toBe('800000000000000568656c6c6f');
    expect(hex(encodeAckFrame(3, 0x0c))).toBe('81000000030000000c');
  });

  it('are what the codec of the wire layer reads', () => {
    const message = new Uint8Array([1, 2, 3]);
    expect(decode(framedMessage, encodeDataFrame(7, message))).toEqual({
      type: 'data',
      sequence: 7,
      message: Buffer.from(message),
    });
    expect(decode(framedMessage, encodeAckFrame(7, 1))).toEqual({ type: 'ack', ackSequence: 7, received: 1 });
  });

  it('R6940-6.6.2-01 are found again wherever TCP splits the stream, at every byte boundary', () => {
    const stream = Buffer.concat([
      encodeDataFrame(0, Buffer.from('one')),
      encodeAckFrame(9, 2),
      encodeDataFrame(1, Buffer.from('')),
    ]);
    const whole = readAll([stream]).map((frame) => JSON.stringify(frame));
    expect(whole).toHaveLength(3);
    for (let at = 0; at <= stream.length; at++) {
      const halves = [stream.subarray(0, at), stream.subarray(at)];
      expect(readAll(halves).map((frame) => JSON.stringify(frame))).toHaveLength(3);
    }
    const bytes = [...stream].map((byte) => Uint8Array.of(byte));
    expect(readAll(bytes)).toHaveLength(3);
  });

  it('survive any cutting of the stream', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 12 }), fc.array(fc.nat(600), { maxLength: 20 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(encodeFrame));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(stream.subarray(at, at + cut));
          at += cut;
        }
        chunks.push(stream.subarray(at));
        const read = readAll(chunks);
        expect(read.map((frame) => frame.type)).toEqual(frames.map((frame) => frame.type));
        const reencoded = read.map((frame) =>
          frame.type === 'data' || frame.type === 'ack' ? encodeFrame(frame) : new Uint8Array(),
        );
        expect(hex(Buffer.concat(reencoded))).toBe(hex(stream));
      }),
    );
  });

  it('take a message of exactly the limit, and of a longer one only the beginning', () => {
    const fits = readAll([encodeDataFrame(0, new Uint8Array(LIMIT))]);
    expect(fits[0]).toMatchObject({ type: 'data' });
    const long = Buffer.concat([encodeDataFrame(0, new Uint8Array(LIMIT + 500)), encodeAckFrame(0, 0)]);
    for (const chunks of [[long], [long.subarray(0, 9), long.subarray(9)]]) {
      const [frame, ...rest] = readAll(chunks);
      expect(frame).toMatchObject({ type: 'oversize', length: LIMIT + 500 });
      expect(frame?.type === 'oversize' && frame.message.length).toBe(LIMIT + 1);
      expect(rest).toEqual([]);
    }
  });

  it('end at an unknown type, because its length is not known', () => {
    const [frame, ...rest] = readAll([Buffer.concat([Uint8Array.of(0x16), encodeAckFrame(0, 0)])]);
    expect(frame).toEqual({ type: 'broken', detail: 'unknown frame type 22' });
    expect(rest).toEqual([]);
  });

  it('never make anything of arbitrary bytes but frames or an end', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        for (const frame of readAll(chunks, 50)) {
          if (frame.type === 'data') expect(frame.message.length).toBeLessThanOrEqual(50);
          if (frame.type === 'oversize') expect(frame.message.length).toBe(51);
        }
      }),
    );
  });
});
