import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect, createServer as createTlsServer } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { encodeDataFrame } from '#reload/link/frame-reader.ts';
import type { Link } from '#reload/link/link.ts';
import { secureContextOptions } from '#reload/link/tls/tls-options.ts';
import type { Identity } from '#reload/security/identity.ts';
import type { IpAddressPort } from '#reload/wire/address.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';
import { never, tls } from './tls-world.ts';
import { Recorder, text } from './transport-contract.ts';

const APPLICATION_DATA = 23;
const RECORD_HEADER = 5;

/** What a third party in the middle does to one TLS record on its way to the listener; records given back are sent in its place. */
type Meddling = (record: Buffer) => readonly Buffer[];

interface Middle {
  readonly at: IpAddressPort;
  /** Everything that passed, both ways. */
  readonly seen: Buffer[];
  meddle: Meddling;
}

async function listening(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): unknown;
}) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { type: 'ipv4', address: '127.0.0.1', port: (server.address() as { port: number }).port } as const;
}

function portOf(at: IpAddressPort | undefined): number {
  if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
  return at.port;
}

async function inTheMiddle(target: IpAddressPort | undefined): Promise<Middle> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connectTcp(portOf(target), '127.0.0.1');
    sockets.push(near, far);
    let held = Buffer.alloc(0);
    near.on('data', (chunk) => {
      middle.seen.push(chunk);
      held = Buffer.concat([held, chunk]);
      while (held.length >= RECORD_HEADER && held.length >= RECORD_HEADER + held.readUInt16BE(3)) {
        const length = RECORD_HEADER + held.readUInt16BE(3);
        const record = Buffer.from(held.subarray(0, length));
        held = held.subarray(length);
        for (const out of record[0] === APPLICATION_DATA ? middle.meddle(record) : [record]) far.write(out);
      }
    });
    far.on('data', (chunk) => {
      middle.seen.push(chunk);
      near.write(chunk);
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const middle: Middle = { at: await listening(server), seen: [], meddle: (record) => [record] };
  return middle;
}

/** Bob has dialled alice through somebody in the middle. */
async function overheard(): Promise<{ middle: Middle; atAlice: Link; atBob: Link; alice: Identity; bob: Identity }> {
  const home = await createTestOverlay({ clock: systemClock });
  const [alice, bob] = [await home.identity('alice'), await home.identity('bob')];
  let took: (link: Link) => void = () => {};
  const taken = new Promise<Link>((resolve) => {
    took = resolve;
  });
  const listener = await tls(home, alice).listen({ host: '127.0.0.1', port: 0 }, (link) => took(link));
  onTestFinished(() => listener.close());
  const middle = await inTheMiddle(listener.addresses[0]);
  const atBob = await tls(home, bob).dialLink([middle.at], undefined, never);
  return { middle, atAlice: await taken, atBob, alice, bob };
}

describe('the channel of a TLS link', () => {
  it('R6940-6.6.1-01 R6940-13.3-04 tells each end the Node-ID of the other from its certificate, and nobody without one gets in', async () => {
    const { atAlice, atBob, alice, bob } = await overheard();
    expect([atAlice.nodeId, atBob.nodeId]).toEqual([bob.nodeId, alice.nodeId]);
    expect(atAlice.peer.fingerprint).toBe(bob.certificate.fingerprint);
    const home = await createTestOverlay({ clock: systemClock });
    const accepted: Link[] = [];
    const listener = await tls(home, await home.identity('carol')).listen({ host: '127.0.0.1', port: 0 }, (link) =>
      accepted.push(link),
    );
    onTestFinished(() => listener.close());
    const stranger = connect({ host: '127.0.0.1', port: portOf(listener.addresses[0]), rejectUnauthorized: false });
    stranger.on('error', () => {});
    stranger.resume();
    await new Promise((resolve) => stranger.once('close', resolve));
    expect(accepted).toEqual([]);
  });

  it('R6940-6.6.1-02 hands up nothing of a record in which somebody changed a bit, and closes', async () => {
    const { middle, atAlice, atBob } = await overheard();
    const [alices, bobs] = [new Recorder(atAlice), new Recorder(atBob)];
    atBob.send(text('whole'));
    expect(await alices.received(1)).toEqual(['whole']);
    middle.meddle = (record) => {
      record[record.length - 20]! ^= 1;
      return [record];
    };
    atBob.send(text('changed'));
    await Promise.all([alices.closed, bobs.closed]);
    expect(alices.messages).toEqual(['whole']);
  });

  it('R6940-6.6.1-03 hands up a record that somebody repeats only once, and closes', async () => {
    const { middle, atAlice, atBob } = await overheard();
    const alices = new Recorder(atAlice);
    new Recorder(atBob);
    middle.meddle = (record) => [record, record];
    atBob.send(text('once'));
    await alices.closed;
    expect(alices.messages).toEqual(['once']);
  });

  it('R6940-6.6.1-04 shows nobody what is said', async () => {
    const { middle, atAlice, atBob } = await overheard();
    const alices = new Recorder(atAlice);
    atBob.send(text('a secret of two nodes'));
    expect(await alices.received(1)).toEqual(['a secret of two nodes']);
    const passed = Buffer.concat(middle.seen);
    expect(passed.length).toBeGreaterThan(1000);
    expect(passed.includes('a secret')).toBe(false);
    atBob.close();
  });

  it('R6940-6.6.1-04 does not come about without encryption, though both certificates are good', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const accepted: Link[] = [];
    const listener = await tls(home, await home.identity('alice')).listen({ host: '127.0.0.1', port: 0 }, (link) =>
      accepted.push(link),
    );
    onTestFinished(() => listener.close());
    const { ca, cert, key } = secureContextOptions(await home.identity('bob'), home.source.current);
    const dial = (ciphers: string) =>
      new Promise<string>((resolve) => {
        const options = {
          ca,
          cert,
          key,
          ciphers,
          maxVersion: 'TLSv1.2' as const,
          checkServerIdentity: () => undefined,
        };
        const socket = connect({ host: '127.0.0.1', port: portOf(listener.addresses[0]), ...options });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
        socket.on('secureConnect', () => resolve(socket.getCipher().name));
        onTestFinished(() => void socket.destroy());
      });
    expect(await dial('ECDHE-ECDSA-AES128-GCM-SHA256')).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    for (const none of ['ECDHE-ECDSA-NULL-SHA', 'AECDH-NULL-SHA', 'AECDH-AES128-SHA']) {
      expect(await dial(`${none}:@SECLEVEL=0`)).toMatch(/HANDSHAKE_FAILURE/);
    }
  });

  it('R6940-13.2-01 is the only way in: what speaks clear text is not heard and hears nothing', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const alice = tls(home, await home.identity('alice'));
    const accepted: Link[] = [];
    const listener = await alice.listen({ host: '127.0.0.1', port: 0 }, (link) => accepted.push(link));
    const offer = await alice.offerLink();
    onTestFinished(() => {
      offer.close();
      return listener.close();
    });
    for (const at of [listener.addresses[0], offer.addresses[0]]) {
      const socket = connectTcp(portOf(at), '127.0.0.1');
      const heard: Buffer[] = [];
      socket.on('data', (chunk) => heard.push(chunk));
      socket.on('error', () => {});
      socket.write(encodeDataFrame(0, text('in clear')));
      await new Promise((resolve) => socket.once('close', resolve));
      // At most an alert (21) of TLS.
      expect(Buffer.concat(heard)[0] ?? 21).toBe(21);
      expect(Buffer.concat(heard).length).toBeLessThan(16);
    }
    expect(accepted).toEqual([]);
  });
});

describe('an outsider', () => {
  async function worlds(): Promise<{ home: TestOverlay; eve: Identity; elsewhere: TestOverlay }> {
    const home = await createTestOverlay({ clock: systemClock });
    // The same names, under a root of her own.
    const elsewhere = await createTestOverlay({ clock: systemClock });
    return { home, elsewhere, eve: await elsewhere.identity('alice') };
  }

  it('R6940-13.6.2-01 is refused where it dials a member', async () => {
    const { home, elsewhere, eve } = await worlds();
    const accepted: Link[] = [];
    const listener = await tls(home, await home.identity('alice')).listen({ host: '127.0.0.1', port: 0 }, (link) =>
      accepted.push(link),
    );
    onTestFinished(() => listener.close());
    const socket = connect({
      host: '127.0.0.1',
      port: portOf(listener.addresses[0]),
      ...secureContextOptions(eve, elsewhere.source.current),
      rejectUnauthorized: false,
    });
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(accepted).toEqual([]);
  });

  it('R6940-13.6.2-01 is refused where a member dials it, expected or not', async () => {
    const { home, elsewhere, eve } = await worlds();
    const server = createTlsServer({
      ...secureContextOptions(eve, elsewhere.source.current),
      requestCert: true,
      rejectUnauthorized: false,
    });
    server.on('tlsClientError', () => {});
    const heard: Buffer[] = [];
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      socket.on('data', (chunk) => heard.push(chunk));
    });
    const at = await listening(server);
    onTestFinished(() => void server.close());
    const bob = tls(home, await home.identity('bob'));
    for (const expected of [undefined, eve.nodeId]) {
      await expect(bob.dialLink([at], expected, never)).rejects.toMatchObject({ fault: { code: 'certificate' } });
    }
    expect(heard).toEqual([]);
  });
});
