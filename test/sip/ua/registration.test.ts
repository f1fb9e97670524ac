import { afterEach, describe, expect, it } from 'vitest';
import type { SipRequest } from '#sip/message/message.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TestNetwork } from '../adapter/network.ts';
import { RawPeer } from '../raw-peer.ts';
import { logger, stack } from '../support.ts';

describe('A registration', () => {
  const open: (SipStack | RawPeer | TestNetwork)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });

  it('is made with digest authentication, seen by the observer, and removed at the end', async () => {
    const net = await new TestNetwork().start();
    open.push(net);
    const { registration } = await net.phone('alice');
    expect(net.registrations).toEqual([['alice@home.example', expect.closeTo(60_000, -3)]]);
    await registration.stop();
    expect(net.registrations.at(-1)).toEqual(['alice@home.example', 0]);
  });

  it('fails with the status of the registrar', async () => {
    const net = await new TestNetwork().start();
    open.push(net);
    await expect(net.phone('alice', 'wrong')).rejects.toMatchObject({ fault: { code: 'rejected', status: 403 } });
  });

  it('is refreshed well before the time the registrar granted is over, and tried again after a failure', async () => {
    const clock = new VirtualClock();
    const failures: string[] = [];
    const log = { ...logger, warn: (message: string) => void failures.push(message) };
    const phone = stack({}, { clock, log: { ...log, child: () => log } });
    const at = await phone.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const registrar = await RawPeer.udp(at);
    open.push(phone, registrar);
    const registers = () => registrar.messages.filter((message): message is SipRequest => message.kind === 'request');
    const grant = (request: SipRequest | undefined, seconds: number) => {
      const contact = request?.headers.value('Contact') ?? '';
      if (request !== undefined)
        registrar.send(printMessage(replyTo(request, 200, { fields: [['Contact', `${contact};expires=${seconds}`]] })));
    };
    const registration = phone.registration({
      target: { transport: 'udp', host: '127.0.0.1', port: registrar.port },
      aor: 'sip:alice@home.example',
      expires: 600,
    });
    const started = registration.start();
    const first = await registrar.request('REGISTER');
    expect(first.headers.value('Expires')).toBe('600');
    grant(first, 100);
    await started;
    await clock.advance(79_000);
    expect(registers()).toHaveLength(1);
    await clock.advance(1_001);
    const second = await registrar.until(() => registers()[1]);
    expect(second.cseq.number).toBe(2);
    expect(second.callId).toBe(first.callId);
    registrar.send(printMessage(replyTo(second, 503)));
    await registrar.until(() => (failures.length > 0 ? true : undefined));
    expect(failures).toEqual(['registration not refreshed']);
    await clock.advance(30_000);
    const third = await registrar.until(() => registers().find((request) => request.cseq.number === 3));
    expect(third.callId).toBe(first.callId);
  });
});
