import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { SipStack } from '#sip/sip-stack.ts';
import { RateLimit } from '#sip/transport/rate-limit.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { INVITE_FIELDS, text } from '../message/texts.ts';
import { RawPeer } from '../raw-peer.ts';
import { QUICK_TIMERS, stack } from '../support.ts';

describe('What comes in over sockets', () => {
  const open: (SipStack | RawPeer)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) await (each instanceof RawPeer ? each.close() : each.stop());
  });
  const setup = async (transport: 'udp' | 'tcp', host = '127.0.0.1') => {
    const server = stack({ transactions: { timers: QUICK_TIMERS } });
    const at = await server.listen({ transport, host, port: 0 });
    const peer = await RawPeer[transport](at);
    open.push(server, peer);
    return { server, peer, at };
  };
  const options = (via: string, more: readonly string[] = []) =>
    text([via, ...INVITE_FIELDS.slice(1, 5), 'CSeq: 1 OPTIONS', ...more], '', 'OPTIONS sip:bob@home.example SIP/2.0');

  it('is answered where it came from, with received and rport (RFC 3581)', async () => {
    const { peer } = await setup('udp');
    peer.send(options('Via: SIP/2.0/UDP 192.0.2.77:9;branch=z9hG4bKa;rport'));
    const { via } = await peer.response(200);
    expect(via.host).toBe('192.0.2.77');
    expect(via.parameters.get('received')).toBe('127.0.0.1');
    expect(via.parameters.get('rport')).toBe(String(peer.port));
  });

  it('is answered at the port of the Via when there is no rport', async () => {
    const { peer } = await setup('udp');
    peer.send(options(`Via: SIP/2.0/UDP other.example:${peer.port};branch=z9hG4bKb;received=203.0.113.9`));
    const { via } = await peer.response(200);
    expect(via.parameters.get('received')).toBe('127.0.0.1');
    expect(via.parameters.has('rport')).toBe(false);
  });

  it('is answered over IPv6', async () => {
    const { peer } = await setup('udp', '::1');
    peer.send(options('Via: SIP/2.0/UDP [2001:db8::1]:9;branch=z9hG4bKc;rport'));
    expect((await peer.response(200)).via.parameters.get('received')).toBe('::1');
  });

  it('gets 400 with the reason left out when malformed, 505 for another version, and nothing for a malformed ACK', async () => {
    const { peer } = await setup('udp');
    const via = 'Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKd;rport';
    const ack = text([via, ...INVITE_FIELDS.slice(1, 5), 'CSeq: x ACK'], '', 'ACK sip:bob@home.example SIP/2.0');
    peer.send(ack);
    peer.send(options(via, ['Max-Forwards: 1']));
    await peer.response(400);
    peer.send(options(via).replace('SIP/2.0\r\n', 'SIP/7.0\r\n'));
    await peer.response(505);
    expect(peer.messages).toHaveLength(2);
  });

  it('may be garbage, keep-alives or responses to nothing without effect', async () => {
    const { peer, server } = await setup('udp');
    peer.send('\r\n\r\n');
    peer.send(new Uint8Array([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]));
    peer.send(new Uint8Array(2000).fill(0xff));
    peer.send(`SIP/2.0 200 OK\r\n${INVITE_FIELDS.join('\r\n')}\r\n\r\n`);
    peer.send(options('Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKe;rport'));
    await peer.response(200);
    expect(peer.messages).toHaveLength(1);
    expect(server.transactions.sizes.server).toBe(1);
  });

  it('R7904-5.2-02 is answered on a connection, pings included, and a stream without Content-Length is closed', async () => {
    const { peer } = await setup('tcp');
    peer.send('\r\n\r\n');
    await peer.until(() => (peer.raw === '\r\n' ? true : undefined));
    peer.send(options('Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKf'));
    await peer.response(200);
    peer.send(options('Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKg').replace(/Content-Length.*\r\n/, ''));
    await peer.until(() => peer.closed || undefined);
  });

  it('is limited per host: connections beyond the limit are closed at once', async () => {
    const server = stack({ transport: { overlayDomain: 'home.example', maxConnectionsPerHost: 2 } });
    const at = await server.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 });
    open.push(server);
    const peers = await Promise.all([1, 2, 3].map(() => RawPeer.tcp(at)));
    open.push(...peers);
    await Promise.race(peers.map((peer) => peer.until(() => peer.closed || undefined)));
    expect(peers.filter(({ closed }) => closed)).toHaveLength(1);
  });

  it('is limited in all: overlay connections beyond the limit are closed, whoever made them', async () => {
    const server = stack({ transport: { overlayDomain: 'home.example', maxConnections: 2 } });
    open.push(server);
    const streams = [1, 2, 3, 4].map((number) => ({
      duplex: duplexPair()[0],
      peerName: `peer${number}@home.example`,
      peerNode: `0${number}`,
    }));
    for (const stream of streams.slice(0, 3)) server.attachStream(stream);
    expect(streams.map(({ duplex }) => duplex.destroyed)).toEqual([false, false, true, false]);
    const [, , , own] = streams;
    const call = server.engine.call({
      target: { transport: 'stream', stream: own! },
      requestUri: 'sip:bob@home.example',
      to: 'sip:bob@home.example',
      from: 'sip:alice@home.example',
    });
    await expect(call).rejects.toThrow(/Too many SIP connections/);
    expect(own?.duplex.destroyed).toBe(true);
  });

  it('gets 503 when there are too many transactions', async () => {
    const server = stack({ transactions: { timers: QUICK_TIMERS, maxServerTransactions: 1 } });
    const at = await server.listen({ transport: 'udp', host: '127.0.0.1', port: 0 });
    const peer = await RawPeer.udp(at);
    open.push(server, peer);
    peer.send(options('Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKh;rport'));
    await peer.response(200);
    peer.send(options('Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKi;rport'));
    expect((await peer.response(503)).headers.value('Retry-After')).toBe('10');
  });
});

describe('The rate limit', () => {
  it('gives a burst, then so many a second, to each source apart', async () => {
    const clock = new VirtualClock();
    const limit = new RateLimit({ clock }, { perSecond: 2, burst: 3, sources: 10 });
    expect([1, 2, 3, 4].map(() => limit.take('a'))).toEqual([true, true, true, false]);
    expect(limit.take('b')).toBe(true);
    await clock.advance(1000);
    expect([1, 2, 3].map(() => limit.take('a'))).toEqual([true, true, false]);
  });

  it('forgets the source quiet for longest when there are too many', () => {
    const limit = new RateLimit({ clock: new VirtualClock() }, { perSecond: 0, burst: 1, sources: 2 });
    expect(['a', 'b', 'a', 'c', 'b'].map((source) => limit.take(source))).toEqual([true, true, false, true, true]);
  });
});
