import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect as tcpConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { encodeDataFrame } from '#reload/link/frame-reader.ts';
import type { Link } from '#reload/link/link.ts';
import { secureContextOptions } from '#reload/link/tls/tls-options.ts';
import type { TlsTransportOptions } from '#reload/link/tls/tls-transport.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';
import { never, tls } from './tls-world.ts';
import { Recorder, type TransportWorld, text, transportContract } from './transport-contract.ts';

async function tlsWorld(host: string): Promise<TransportWorld> {
  const overlay = await createTestOverlay({ clock: systemClock });
  return {
    host,
    async member(user) {
      const identity = await overlay.identity(user);
      return { identity, transport: tls(overlay, identity, { bindAddresses: [host] }) };
    },
    settle: (promise) => promise,
    close: async () => {},
  };
}

transportContract('TLS over IPv4', () => tlsWorld('127.0.0.1'));
transportContract('TLS over IPv6', () => tlsWorld('::1'));

describe('TLS links on the wire', () => {
  async function pair(options: TlsTransportOptions = {}): Promise<{ alice: Link; bob: Link; home: TestOverlay }> {
    const home = await createTestOverlay({ clock: systemClock });
    const [first, second] = await home.members(2);
    const offer = await tls(home, first!, options).offerLink();
    const dialled = tls(home, second!, options).dialLink(offer.addresses, first!.nodeId, never);
    const [alice, bob] = await Promise.all([offer.accept(second!.nodeId, never), dialled]);
    onTestFinished(() => {
      alice.close();
      bob.close();
    });
    return { alice, bob, home };
  }

  /** A member that speaks TLS but no RELOAD. */
  async function rawPeer(): Promise<{ socket: TLSSocket; link: Link; home: TestOverlay }> {
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob] = await home.members(2);
    const offer = await tls(home, alice!).offerLink();
    const [at] = offer.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const socket = connect({
      host: at.address,
      port: at.port,
      ...secureContextOptions(bob!, home.source.current),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    const link = await offer.accept(bob!.nodeId, never);
    return { socket, link, home };
  }

  it('R6940-6.5.1.13-01 R6940-6.5.1.13-02 makes the requester of an Attach the TLS server and the answerer the client', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const offer = await tls(home, await home.identity('alice')).offerLink();
    onTestFinished(() => offer.close());
    const [at] = offer.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    // A server says nothing before the ClientHello; the certificate it then shows is the requester's.
    const socket = connect({ host: at.address, port: at.port, rejectUnauthorized: false });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.getPeerCertificate().subjectaltname).toContain('alice@home.example');
    socket.destroy();
  });

  it('R6940-6.6.5-01 R6940-6.6.2-03 acknowledges each data frame at once', async () => {
    const { socket, link } = await rawPeer();
    const alices = new Recorder(link);
    const acks = new Promise<Buffer>((resolve) => {
      const heard: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => {
        heard.push(chunk);
        if (Buffer.concat(heard).length >= 18) resolve(Buffer.concat(heard));
      });
    });
    socket.write(encodeDataFrame(0, text('a')));
    socket.write(encodeDataFrame(1, text('b')));
    expect((await acks).toString('hex')).toBe('810000000000000000' + '810000000100000002');
    expect(alices.messages).toEqual(['a', 'b']);
  });

  it('R6940-6.6-03 closes at once when a peer announces a message far above the limit, holding only its beginning', async () => {
    const { socket, link, home } = await rawPeer();
    const alices = new Recorder(link);
    const limit = home.source.current.maxMessageSize;
    socket.write(Buffer.concat([Buffer.from('8000000000ffffff', 'hex'), Buffer.alloc(limit + 1000, 0x78)]));
    expect((await alices.closed).fault).toEqual({ code: 'too-large', length: 0xffffff });
    expect(alices.messages.map((message) => message.length)).toEqual([limit + 1]);
  });

  it('closes a link on which something other than a frame arrives', async () => {
    const { socket, link } = await rawPeer();
    const alices = new Recorder(link);
    socket.write('GET / HTTP/1.1\r\n\r\n');
    expect((await alices.closed).code).toBe('framing');
  });

  it('closes a link whose peer does not read', async () => {
    const { socket, link } = await rawPeer();
    socket.pause();
    const alices = new Recorder(link);
    const message = new Uint8Array(5000);
    let open = true;
    void alices.closed.then(() => {
      open = false;
    });
    for (let sent = 0; open && sent < 40_000; sent++) {
      link.send(message);
      if (sent % 100 === 0) await new Promise(setImmediate);
    }
    expect((await alices.closed).code).toBe('timeout');
  });

  it('tells the other end at once when the connection is cut', async () => {
    const { socket, link } = await rawPeer();
    const alices = new Recorder(link);
    socket.destroy();
    expect((await alices.closed).code).toBe('closed');
  });

  it('resumes no session, since a resumed one shows no certificate', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob] = await home.members(2);
    const accepted: Link[] = [];
    const listener = await tls(home, alice!).listen({ host: '127.0.0.1', port: 0 }, (link) => accepted.push(link));
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const options = { ...secureContextOptions(bob!, home.source.current), rejectUnauthorized: false };
    const open = (session?: Buffer) =>
      connect({ host: at.address, port: at.port, ...options, maxVersion: 'TLSv1.2', ...(session && { session }) });
    const first = open();
    await new Promise((resolve) => first.once('secureConnect', resolve));
    const session = first.getSession();
    first.destroy();
    const second = open(session);
    await new Promise((resolve) => second.once('secureConnect', resolve));
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });

  it('appends TLS secrets to the key log file, readable by its owner only', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'copperring-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const keylogFile = join(directory, 'keys');
    await pair({ keylogFile });
    expect(readFileSync(keylogFile, 'utf8')).toMatch(/^(?:SERVER|CLIENT)_\w+ [0-9a-f]+ [0-9a-f]+$/m);
    expect(statSync(keylogFile).mode & 0o077).toBe(0);
  });

  it('offers addresses of both families, and takes ports from the given range', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const alice = await home.identity('alice');
    const offer = await tls(home, alice, { bindAddresses: ['127.0.0.1', '::1'] }).offerLink();
    expect(offer.addresses.map(({ type }) => type)).toEqual(['ipv4', 'ipv6']);
    offer.close();
    const free = await freePort();
    const ranged = await tls(home, alice, { portRange: { from: free, to: free } }).offerLink();
    expect(ranged.addresses).toEqual([{ type: 'ipv4', address: '127.0.0.1', port: free }]);
    await expect(tls(home, alice, { portRange: { from: free, to: free } }).offerLink()).rejects.toMatchObject({
      code: 'unreachable',
    });
    ranged.close();
  });

  it('advertises the configured addresses in place of its own', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const options = { bindAddresses: ['127.0.0.1', '::1'], advertise: ['192.0.2.7', '2001:db8::7'] };
    const offer = await tls(home, await home.identity('alice'), options).offerLink();
    expect(offer.addresses.map((at) => at.type !== 'unknown' && at.address)).toEqual(options.advertise);
    offer.close();
  });

  it('dials the next address when one is dead', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob] = await home.members(2);
    const offer = await tls(home, alice!).offerLink();
    const dead: IpAddressPort = { type: 'ipv4', address: '127.0.0.1', port: await freePort() };
    const [atAlice, atBob] = await Promise.all([
      offer.accept(bob!.nodeId, never),
      tls(home, bob!).dialLink([dead, ...offer.addresses], alice!.nodeId, never),
    ]);
    expect(atBob.nodeId).toBe(alice!.nodeId);
    atAlice.close();
    atBob.close();
  });

  it('gives up on a listener that never answers the handshake when its signal aborts', async () => {
    const { createServer } = await import('node:net');
    const mute = createServer(() => {});
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void mute.close());
    const { port } = mute.address() as { port: number };
    const home = await createTestOverlay({ clock: systemClock });
    const abort = new AbortController();
    const dialled = tls(home, await home.identity('bob')).dialLink(
      [{ type: 'ipv4', address: '127.0.0.1', port }],
      undefined,
      abort.signal,
    );
    mute.once('connection', () => abort.abort(new Error('enough')));
    await expect(dialled).rejects.toThrow('enough');
  });

  it('a stranger that only opens TCP connections does not keep the expected node out', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob] = await home.members(2);
    const offer = await tls(home, alice!).offerLink();
    const [at] = offer.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const strangers = Array.from({ length: 3 }, () => tcpConnect(at.port, at.address));
    await Promise.all(strangers.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const [atAlice, atBob] = await Promise.all([
      offer.accept(bob!.nodeId, never),
      tls(home, bob!).dialLink(offer.addresses, alice!.nodeId, never),
    ]);
    for (const socket of strangers) socket.destroy();
    atAlice.close();
    atBob.close();
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
