import { afterEach, describe, expect, it } from 'vitest';
import { Headers } from '#sip/message/headers.ts';
import { SipRequest } from '#sip/message/message.ts';
import { printMessage } from '#sip/message/printer.ts';
import { replyTo } from '#sip/message/reply.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { INVITE_FIELDS, text } from '../message/texts.ts';
import { RawPeer } from '../raw-peer.ts';
import { nextCall, QUICK_TIMERS, stack, within } from '../support.ts';

const invite = new SipRequest({
  method: 'INVITE',
  uri: 'sip:bob@home.example',
  headers: Headers.of([
    ['Max-Forwards', '70'],
    ['Route', '<sip:first.example;lr>, <sip:second.example;lr>'],
    ['From', '<sip:alice@home.example>;tag=1'],
    ['To', '<sip:bob@home.example>'],
    ['Call-ID', 'x'],
    ['CSeq', '7 INVITE'],
  ]),
});

describe('Client transactions on a real UDP socket under a virtual clock', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });
  const setup = async () => {
    const clock = new VirtualClock();
    const client = stack({}, { clock });
    const at = await client.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const server = await RawPeer.udp(at);
    open.push(client, server);
    const flow = await client.transactions.transport.flowTo({ transport: 'udp', host: '127.0.0.1', port: server.port });
    const seen: (number | string)[] = [];
    const observer = {
      response: ({ status }: { status: number }) => seen.push(status),
      failed: (cause: string) => seen.push(cause),
    };
    return { clock, client, server, flow, seen, observer };
  };

  it('sends an INVITE seven times within 32 s and then gives up', async () => {
    const { clock, client, server, flow, seen, observer } = await setup();
    client.transactions.send(invite, flow, observer);
    await clock.advance(31_999);
    await server.until(() => (server.messages.length === 7 ? true : undefined));
    expect(seen).toEqual([]);
    await clock.advance(2);
    expect(seen).toEqual(['timeout']);
    expect(client.transactions.sizes.client).toBe(0);
  });

  it('acknowledges a refusal on the branch and the routes of the INVITE, and again when the refusal is repeated', async () => {
    const { client, server, flow, seen, observer } = await setup();
    client.transactions.send(invite, flow, observer);
    const received = await server.request('INVITE');
    const refusal = printMessage(replyTo(received, 486, { toTag: 'b' }));
    server.send(refusal);
    server.send(refusal);
    await server.until(() =>
      server.messages.filter((m) => m.kind === 'request' && m.method === 'ACK').length === 2 ? true : undefined,
    );
    const ack = await server.request('ACK');
    expect(ack.via.parameters.get('branch')).toBe(received.via.parameters.get('branch'));
    expect(ack.headers.list('Route')).toEqual(['<sip:first.example;lr>', '<sip:second.example;lr>']);
    expect(ack.toTag).toBe('b');
    expect(ack.cseq).toEqual({ number: 7, method: 'ACK' });
    expect(seen).toEqual([486]);
  });

  it('cancels only once there was a provisional response, with the same branch and number', async () => {
    const { client, server, flow, observer } = await setup();
    const transaction = client.transactions.send(invite, flow, observer);
    const received = await server.request('INVITE');
    client.transactions.cancel(transaction);
    expect(client.transactions.sizes.client).toBe(1);
    server.send(printMessage(replyTo(received, 180, { toTag: 'b' })));
    await within(
      new Promise<void>((resolve) =>
        setImmediate(function check() {
          if (transaction.state === 'proceeding') resolve();
          else setImmediate(check);
        }),
      ),
    );
    client.transactions.cancel(transaction, 'SIP;cause=200');
    const cancel = await server.request('CANCEL');
    expect(cancel.via.parameters.get('branch')).toBe(received.via.parameters.get('branch'));
    expect(cancel.cseq).toEqual({ number: 7, method: 'CANCEL' });
    expect(cancel.headers.value('Reason')).toBe('SIP;cause=200');
    expect(cancel.toTag).toBeUndefined();
  });

  it('has branches of 128 random bits behind the magic cookie', async () => {
    const { client, server, flow, observer } = await setup();
    client.transactions.send(invite, flow, observer);
    client.transactions.send(invite, flow, observer);
    await server.until(() => (server.messages.length === 2 ? true : undefined));
    const branches = server.messages.map((message) => message.via.parameters.get('branch'));
    expect(branches[0]).toMatch(/^z9hG4bK[0-9a-f]{32}$/);
    expect(branches[0]).not.toBe(branches[1]);
  });
});

describe('Server transactions', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });
  const setup = async () => {
    const server = stack({ transactions: { timers: QUICK_TIMERS } });
    const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const peer = await RawPeer.udp(at);
    open.push(server, peer);
    return { server, peer };
  };
  const derived = (method: string, via: string, more: readonly string[] = []) =>
    text(
      [via, ...INVITE_FIELDS.slice(1, 5), `CSeq: 1 ${method}`, ...more],
      '',
      `${method} sip:bob@home.example SIP/2.0`,
    );
  const VIA = 'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK77;rport';

  it('absorb repeated INVITEs, and a CANCEL ends the call with 487 after its own 200', async () => {
    const { server, peer } = await setup();
    const calls: unknown[] = [];
    const first = new Promise<void>((resolve) => {
      server.engine.onIncoming((call) => {
        calls.push(call);
        call.ring();
        resolve();
      });
    });
    peer.send(derived('INVITE', VIA));
    await within(first);
    await peer.response(180);
    peer.send(derived('INVITE', VIA));
    await peer.until(() => (peer.messages.length >= 2 ? true : undefined));
    expect(calls).toHaveLength(1);
    peer.send(derived('CANCEL', VIA));
    expect((await peer.response(200)).cseq.method).toBe('CANCEL');
    expect((await peer.response(487)).cseq.method).toBe('INVITE');
    peer.send(derived('ACK', VIA));
  });

  it('answer a CANCEL of nothing with 481', async () => {
    const { peer } = await setup();
    peer.send(derived('CANCEL', VIA));
    await peer.response(481);
  });

  it('match INVITE, repetition and ACK of an RFC 2543 element without the magic cookie', async () => {
    const { server, peer } = await setup();
    const old = 'Via: SIP/2.0/UDP 127.0.0.1:9;rport';
    let calls = 0;
    server.engine.onIncoming((call) => {
      calls++;
      call.reject(486, 'Busy Here');
    });
    peer.send(derived('INVITE', old));
    await peer.response(486);
    peer.send(derived('INVITE', old));
    await peer.until(() => (peer.messages.length >= 2 ? true : undefined));
    peer.send(derived('ACK', old));
    await peer.until(() => (server.transactions.sizes.server === 0 ? true : undefined));
    expect(calls).toBe(1);
  });

  it('refuse the same call that comes by two ways with 482 on the second', async () => {
    const { server, peer } = await setup();
    const incoming = nextCall(server);
    peer.send(derived('INVITE', VIA));
    await within(incoming);
    peer.send(derived('INVITE', VIA.replace('z9hG4bK77', 'z9hG4bK78')));
    await peer.response(482);
  });
});
