import { describe, expect, it } from 'vitest';
import { EventReceiver, FLASH } from '#media/telephone-event.ts';
import { utf8 } from '#platform/bytes.ts';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest } from '#sip/message/message.ts';
import { tellsFlash } from '#sip/ua/hook-flash.ts';
import { answeredCall } from './during-calls.ts';

describe('hook flash', () => {
  it('goes from the phone to the line, once per press, and is told', async () => {
    const { gw, line, media } = await answeredCall();
    media.pressFlash();
    media.pressFlash();
    await gw.until(() => gw.events.find(({ event }) => event === 'flash'));
    expect(line.flashes).toBe(1);
    media.pressFlash();
    await gw.clock.advance(100);
    expect(line.flashes).toBe(2);
    expect(gw.events.filter(({ event }) => event === 'flash')).toEqual([
      { event: 'flash', id: 1, done: true },
      { event: 'flash', id: 1, done: true },
    ]);
    line.end('busy-tone');
    await gw.over();
  });

  it('that the modem cannot give leaves the call as it is, and says so', async () => {
    const { gw, line, media } = await answeredCall();
    line.canFlash = false;
    media.pressFlash();
    const told = await gw.until(() => gw.events.find(({ event }) => event === 'flash'));
    expect(told).toMatchObject({ done: false });
    expect(line.isOver).toBe(false);
    for (let i = 0; i < 10; i++) {
      media.pressFlash();
      await gw.clock.advance(10);
    }
    expect(gw.logged.filter((entry) => entry.includes('no hook flash'))).toHaveLength(1);
    line.end('busy-tone');
    await gw.over();
  });

  it('is event 16 of RFC 4733, told once for all packets of one press', () => {
    const receiver = new EventReceiver();
    const packet = (event: number, flags: number) => new Uint8Array([event, flags, 0, 160]);
    expect(receiver.receive(1000, packet(16, 10))).toBe(FLASH);
    expect(receiver.receive(1000, packet(16, 10))).toBeUndefined();
    expect(receiver.receive(1000, packet(16, 0x80))).toBeUndefined();
    expect(receiver.receive(9000, packet(16, 0x80))).toBe(FLASH);
    expect(receiver.receive(17_000, packet(17, 0x80))).toBeUndefined();
    expect(receiver.receive(17_000, packet(5, 0x80))).toBe('5');
  });

  it('is an INFO too, as phones without telephone events send it', () => {
    const info = (type: string, body: string) =>
      tellsFlash(
        new SipRequest({
          method: 'INFO',
          uri: 'sip:x',
          headers: Headers.of([['Content-Type', type]]),
          body: utf8(body),
        }),
      );
    expect(info('application/hook-flash', '')).toBe(true);
    expect(info('Application/DTMF-Relay; x=1', 'Signal=hf\r\nDuration=250\r\n')).toBe(true);
    expect(info('application/dtmf-relay', 'Signal= 16\r\nDuration=250')).toBe(true);
    expect(info('application/dtmf-relay', 'Signal=1\r\nDuration=16')).toBe(false);
    expect(info('application/dtmf-relay', `${' '.repeat(1000)}Signal=hf`)).toBe(false);
    expect(info('text/plain', 'Signal=hf')).toBe(false);
  });
});
