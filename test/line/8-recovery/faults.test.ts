import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '#platform/bytes.ts';
import { EmulatedLine } from '#pstn/emulator/emulated-line.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

/** The emulated modem with the test as its computer: its faults must be faults, or the suites beside this one show nothing. */
function modem() {
  const clock = new VirtualClock();
  const events: string[] = [];
  let out: Uint8Array[] = [];
  const port = {
    send: (bytes: Uint8Array) => out.push(bytes),
    backlog: 0,
    held: false,
    hold(held: boolean) {
      this.held = held;
    },
  };
  const line = new EmulatedLine({ clock, port, onEvent: ({ event }) => events.push(event) }, { country: 'US' });
  const take = () => {
    const text = Buffer.from(concat(...out)).toString('latin1');
    out = [];
    return text;
  };
  const ask = (command: string) => {
    take();
    line.receive(utf8(`${command}\r`));
    return take();
  };
  const inCall = () => {
    line.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0, sendHz: 500 } });
    for (const command of ['ATE0', 'AT+FCLASS=8', 'AT+VSM=131,8000', 'AT+VLS=1', 'AT+VTR']) ask(command);
  };
  return { clock, line, port, events, take, ask, inCall, say: (text: string) => line.receive(utf8(text)) };
}

describe('the faults of the emulated modem', () => {
  it('silent: neither answers, nor sound, nor rings; and all is back afterwards', async () => {
    const { clock, line, ask, take, inCall } = modem();
    inCall();
    line.fault('silent', true);
    await clock.advance(500);
    expect(take()).toBe('');
    line.fault('silent', false);
    await clock.advance(500);
    expect(take().length).toBeGreaterThan(3500);
    line.powerOff();
    line.fault('silent', true);
    expect(ask('AT')).toBe('');
    line.exchange.ring({ party: { behaviour: 'answers', answerAfterMs: 0 } });
    await clock.advance(5000);
    expect(take()).toBe('');
  });

  it('garbage: an answer of other bytes, and no command is understood', () => {
    const { line, ask } = modem();
    line.fault('garbage', true);
    const answer = ask('ATE0');
    expect(answer.length).toBeGreaterThan(0);
    expect(answer).not.toMatch(/OK|ERROR|ATE0/);
    line.fault('garbage', false);
    expect(ask('AT')).toContain('AT\r\r\nOK');
  });

  it('stuck in duplex: no way out but the closing of the port', async () => {
    const { clock, line, take, inCall, ask, say, events } = modem();
    inCall();
    line.fault('stuck-in-duplex', true);
    say('\x10^\x10\x03\x10!\r');
    await clock.advance(500);
    const stream = take();
    expect(stream.length).toBeGreaterThan(3500);
    expect(stream).not.toContain('OK');
    line.portClosed();
    expect(events.at(-1)).toBe('on-hook');
    expect(ask('AT')).toContain('OK');
  });

  it('blocked: the port is held, sound goes on, and what was held back arrives in the end', async () => {
    const { clock, line, port, take, inCall, say } = modem();
    inCall();
    line.fault('blocked', true);
    expect(port.held).toBe(true);
    take();
    say('\x10^');
    await clock.advance(200);
    expect(take().length).toBeGreaterThan(1500);
    line.fault('blocked', false);
    expect(port.held).toBe(false);
    expect(take()).toContain('\x10\x03\r\nOK\r\n');
  });

  it('power-cycled: on hook and all settings lost, the port stays', () => {
    const { line, inCall, ask, events } = modem();
    inCall();
    line.powerOff();
    expect(events.at(-1)).toBe('on-hook');
    expect(ask('AT+FCLASS?')).toContain('\r\n0\r\n');
    expect(ask('AT+VCID?')).toContain('AT+VCID?');
  });

  it('lost OKs, an echo that stays, numeric results, and a RING within the sound', async () => {
    const { line, ask, clock, take, inCall } = modem();
    line.fault('lost-ok', true);
    expect(ask('ATE0')).not.toContain('OK');
    expect(ask('AT+NOSUCH')).toContain('ERROR');
    line.fault('lost-ok', false);
    line.fault('echo', true);
    expect(ask('ATE0')).toContain('ATE0');
    expect(ask('AT')).toContain('AT\r\r\nOK');
    line.fault('echo', false);
    line.fault('numeric', true);
    expect(ask('ATE0')).toContain('0\r');
    expect(ask('ATV1')).toContain('OK');
    expect(ask('ATZ')).toMatch(/0\r$/);
    line.fault('numeric', false);
    line.powerOff();
    inCall();
    await clock.advance(100);
    take();
    line.strayRing();
    expect(take()).toBe('\r\nRING\r\n');
  });
});
