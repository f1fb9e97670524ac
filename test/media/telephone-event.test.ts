import { describe, expect, it } from 'vitest';
import { EventReceiver, EventSender } from '#media/telephone-event.ts';

describe('telephone events', () => {
  it('sends each digit as packets of one time stamp, growing, with the end three times and a pause behind', () => {
    const sender = new EventSender();
    expect(sender.enqueue('4#')).toBe(true);
    const sent = Array.from({ length: 24 }, (_, i) => sender.next(1000 + 160 * i));
    const first = sent.slice(0, 7);
    expect(first.map((p) => p?.timestamp)).toEqual(Array(7).fill(1000));
    expect(first.map((p) => p?.marker)).toEqual([true, false, false, false, false, false, false]);
    expect(first.map((p) => p && new DataView(p.payload.buffer).getUint16(2))).toEqual([
      160, 320, 480, 640, 800, 800, 800,
    ]);
    expect(first.map((p) => p && p.payload[1]! >> 7)).toEqual([0, 0, 0, 0, 1, 1, 1]);
    expect(sent.slice(7, 10)).toEqual([undefined, undefined, undefined]);
    expect(sent[10]).toMatchObject({ marker: true, timestamp: 1000 + 1600 });
    expect(sent[10]!.payload[0]).toBe(11);
    expect(sent.slice(20)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('hears each digit once, though packets are lost, doubled and out of order', () => {
    const sender = new EventSender();
    sender.enqueue('1105');
    const packets = Array.from({ length: 50 }, (_, i) => sender.next(0xffff_fe00 + 160 * i)).filter(
      (p) => p !== undefined,
    );
    for (const keep of [(i: number) => i % 7 === 6, (i: number) => i % 3 === 0, () => true]) {
      const receiver = new EventReceiver();
      let heard = '';
      for (const [i, packet] of packets.entries()) {
        if (!keep(i)) continue;
        for (const again of [packet, packet, packets[Math.max(0, i - 1)]!]) {
          heard += receiver.receive(again.timestamp >>> 0, again.payload) ?? '';
        }
      }
      expect(heard).toBe('1105');
    }
  });

  it('ignores malformed events and events that are no keys', () => {
    const receiver = new EventReceiver();
    expect(receiver.receive(1, new Uint8Array())).toBeUndefined();
    expect(receiver.receive(1, Uint8Array.of(1, 0, 0))).toBeUndefined();
    expect(receiver.receive(1, Uint8Array.of(17, 0, 0, 1))).toBeUndefined();
  });

  it('takes event 16 as the hook flash', () => {
    expect(new EventReceiver().receive(1, Uint8Array.of(16, 0, 0, 1))).toBe('flash');
  });

  it('bounds what waits and takes keys only', () => {
    const sender = new EventSender();
    expect(sender.enqueue('1'.repeat(64))).toBe(true);
    expect(sender.enqueue('1')).toBe(false);
    expect(new EventSender().enqueue('x')).toBe(false);
  });
});
