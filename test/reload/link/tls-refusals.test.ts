import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { concat } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import type { Failure } from '#platform/failure.ts';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { makeSelfSignedCertificate } from '#reload/enrollment/self-generated.ts';
import { encodeDataFrame } from '#reload/link/frame-reader.ts';
import type { Link, LinkFault } from '#reload/link/link.ts';
import { secureContextOptions } from '#reload/link/tls/tls-options.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import type { Identity } from '#reload/security/identity.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { encodeWithPayload } from '#reload/wire/forwarding-header.ts';
import { encodeContents, splitMessage } from '#reload/wire/message.ts';
import { ABSENT_SIGNATURE, type Signature, securityBlock } from '#reload/wire/security-block.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';
import { connect as connectNodes, makeNode } from '../messaging/network.ts';
import { collectingLogger, never, tls } from './tls-world.ts';
import { Recorder } from './transport-contract.ts';

describe('TLS links between certificates that do not fit', () => {
  /** `intruder` dials alice; gives what the log of alice says about it. */
  async function refusalOf(intruderOverlay: TestOverlay, intruder: Identity, home: TestOverlay): Promise<unknown> {
    const { log, warnings } = collectingLogger();
    const alice = await home.identity('alice');
    const accepted: Link[] = [];
    const listener = await tls(home, alice, {}, log).listen({ host: '127.0.0.1', port: 0 }, (link) =>
      accepted.push(link),
    );
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const socket = connect({
      host: at.address,
      port: at.port,
      ...secureContextOptions(intruder, intruderOverlay.source.current),
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(accepted).toEqual([]);
    return warnings[0]?.reason;
  }

  it('refuses a self-made CA, and the log says so', async () => {
    const [home, other] = [
      await createTestOverlay({ clock: systemClock }),
      await createTestOverlay({ clock: systemClock }),
    ];
    expect(await refusalOf(other, await other.identity('eve'), home)).toBe('untrusted-chain');
  });

  it('refuses a certificate of another overlay, and the log says so', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const other = await createTestOverlay({ clock: systemClock, name: 'other.example' });
    expect(await refusalOf(other, await other.identity('eve'), home)).toBe('wrong-overlay');
  });

  it('refuses an expired certificate, and the log says so', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    expect(await refusalOf(home, await home.identity('late', { validityDays: -1 }), home)).toBe('expired');
  });

  it('R6940-6.5.1.13-03 R7890-4-19 refuses a peer that shows no certificate, and the log says so', async () => {
    const { log, warnings } = collectingLogger();
    const home = await createTestOverlay({ clock: systemClock });
    const offer = await tls(home, await home.identity('alice'), {}, log).offerLink();
    onTestFinished(() => offer.close());
    const [at] = offer.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const socket = connect({ host: at.address, port: at.port, rejectUnauthorized: false });
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(warnings[0]?.reason).toBe('no-certificate');
  });

  it('refuses to dial a node whose certificate lacks the expected Node-ID, and the log says so', async () => {
    const { log, warnings } = collectingLogger();
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob, carol] = await home.members(3);
    const offer = await tls(home, alice!).offerLink();
    onTestFinished(() => offer.close());
    const dialled = tls(home, bob!, {}, log).dialLink(offer.addresses, carol!.nodeId, never);
    await expect(dialled).rejects.toMatchObject({ fault: { code: 'wrong-node', expected: carol!.nodeId } });
    expect(warnings[0]?.reason).toBe('wrong-node');
  });

  it('refuses a revoked node as soon as the configuration names it', async () => {
    const home = await createTestOverlay({ clock: systemClock });
    const bad = await home.identity('bad');
    const { log, warnings } = collectingLogger();
    const alice = tls(home, await home.identity('alice'), {}, log);
    home.source.replace({
      configuration: { ...home.source.current, badNodes: [bad.nodeId] },
      document: home.source.bytes,
    });
    const offer = await alice.offerLink();
    onTestFinished(() => offer.close());
    const link = await tls(home, bad)
      .dialLink(offer.addresses, undefined, never)
      .catch((reason: Failure<LinkFault>) => reason);
    if ('send' in link) await new Recorder(link).closed;
    expect(warnings[0]?.reason).toBe('bad-node');
  });
});

describe('TLS links at the overlay port', () => {
  it('are closed while 64 handshakes from the same address are unfinished; finished ones do not count', async () => {
    const { log, warnings } = collectingLogger();
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob] = await home.members(2);
    const listener = await tls(home, alice!, {}, log).listen({ host: '127.0.0.1', port: 0 }, () => {});
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const dial = () => tls(home, bob!).dialLink(listener.addresses, alice!.nodeId, never);
    const first = await dial();
    onTestFinished(() => first.close());
    const stalled = Array.from({ length: 64 }, () => connectTcp(at.port, at.address));
    onTestFinished(() => {
      for (const socket of stalled) socket.destroy();
    });
    await Promise.all(stalled.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    await expect(dial()).rejects.toMatchObject({ fault: { code: 'closed' } });
    expect(warnings).toMatchObject([{ remote: '127.0.0.1', detail: expect.stringContaining('unfinished') }]);
    // The far end closes a connection in its turn: that shows it has seen the end of this one.
    const [gone] = stalled;
    gone?.end();
    await new Promise((resolve) => gone?.resume().once('close', resolve));
    const second = await dial();
    second.close();
  });
});

describe('TLS links and the configuration', () => {
  it('R6940-11.1-28 close when a new configuration revokes the other node', async () => {
    const { log, warnings } = collectingLogger();
    const home = await createTestOverlay({ clock: systemClock });
    const [alice, bob, carol] = await home.members(3);
    const listening = tls(home, alice!, {}, log);
    const links = new Map<string | undefined, Recorder>();
    const arrived = new Promise<void>((resolve) => {
      void listening
        .listen({ host: '127.0.0.1', port: 0 }, (link) => {
          links.set(link.nodeId, new Recorder(link));
          if (links.size === 2) resolve();
        })
        .then(async ({ addresses, close }) => {
          onTestFinished(() => close());
          for (const member of [bob!, carol!]) {
            const dialled = await tls(home, member).dialLink(addresses, alice!.nodeId, never);
            onTestFinished(() => dialled.close());
          }
        });
    });
    await arrived;
    const configuration = { ...home.source.current, badNodes: [bob!.nodeId] };
    home.source.replace({ configuration, document: home.source.bytes });
    expect((await links.get(bob!.nodeId)!.closed).code).toBe('closed');
    expect(warnings.map(({ reason }) => reason)).toEqual(['bad-node']);
    const carolsLink = await Promise.race([links.get(carol!.nodeId)!.closed, Promise.resolve('open')]);
    expect(carolsLink).toBe('open');
  });

  it('R6940-4.1-03 are authenticated the same way where all certificates are self-signed', async () => {
    const founded = await createTestOverlay({ clock: systemClock });
    const configuration = { ...founded.source.current, rootCerts: [], selfSignedDigest: 'sha256' as const };
    founded.source.replace({ configuration, document: founded.source.bytes });
    const selfSigned = async (user: string): Promise<Identity> => {
      const privateKey = await generatePrivateKey('p-256');
      const request = { userName: `${user}@home.example`, privateKey, nodeIds: 1 };
      const certificate = readCertificate(await makeSelfSignedCertificate(systemClock, configuration, request));
      return { nodeId: certificate.nodeIds[0]!, certificate, chain: [], privateKey };
    };
    const [alice, bob] = [await selfSigned('alice'), await selfSigned('bob')];
    const offer = await tls(founded, alice).offerLink();
    const dialled = tls(founded, bob).dialLink(offer.addresses, alice.nodeId, never);
    const [atAlice, atBob] = await Promise.all([offer.accept(bob.nodeId, never), dialled]);
    expect([atAlice.nodeId, atBob.nodeId]).toEqual([bob.nodeId, alice.nodeId]);
    atAlice.close();

    // Without TLS nothing is read: whoever speaks first in the clear is cut off.
    const links: Link[] = [];
    const listener = await tls(founded, alice).listen({ host: '127.0.0.1', port: 0 }, (link) => links.push(link));
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const plain = connectTcp({ host: at.address, port: at.port });
    plain.on('error', () => {});
    plain.resume();
    plain.write(encodeDataFrame(0, new Uint8Array(100)));
    await new Promise((resolve) => plain.once('close', resolve));
    expect(links).toEqual([]);

    // Messages are signed as everywhere: one without a signature has no effect.
    const clock = new VirtualClock(systemClock.now());
    const [asking, asked] = [makeNode(bob, founded, { clock, seed: 1 }), makeNode(alice, founded, { clock, seed: 2 })];
    let instead: ((signature: Signature) => Signature) | undefined;
    connectNodes(asking, asked, (bytes) => (instead === undefined ? bytes : resigned(bytes, instead)));
    const ping = () =>
      clock.run(
        asking.messenger.request({
          destination: [nodeDestination(alice.nodeId)],
          code: MessageCode.pingReq,
          body: Uint8Array.of(0, 0),
        }),
      );
    expect((await ping()).signatory.nodeId).toBe(alice.nodeId);
    for (const unsigned of [() => ABSENT_SIGNATURE, (made: Signature) => ({ ...made, value: new Uint8Array() })]) {
      instead = unsigned;
      await expect(ping()).rejects.toMatchObject({ fault: { code: 'timeout' } });
    }
    expect(asked.messenger.counters.dropped.signature).toBe(10);
    const strict = await createTestOverlay({ clock: systemClock });
    const refusing = await tls(strict, await strict.identity('carol')).offerLink();
    onTestFinished(() => refusing.close());
    const refused = await tls(founded, bob)
      .dialLink(refusing.addresses, undefined, never)
      .catch((reason: Failure<LinkFault>) => reason);
    expect('fault' in refused && refused.fault).toMatchObject({ code: 'certificate' });
  });

  it('says why links were refused without letting strangers fill the log', async () => {
    const { log, warnings } = collectingLogger();
    const home = await createTestOverlay({ clock: systemClock });
    const listener = await tls(home, await home.identity('alice'), {}, log).listen(
      { host: '127.0.0.1', port: 0 },
      () => {},
    );
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const knocks = Array.from({ length: 30 }, () => {
      const socket = connect({ host: at.address, port: at.port, rejectUnauthorized: false });
      socket.on('error', () => {});
      socket.resume();
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await Promise.all(knocks);
    expect(warnings).toHaveLength(20);
  });
});

/** The same message with its certificates and another signature. */
function resigned(bytes: Uint8Array, change: (signature: Signature) => Signature): Uint8Array {
  const { header, contents, security } = splitMessage(bytes);
  const block = encode(securityBlock, { ...security, signature: change(security.signature) });
  return encodeWithPayload(header, concat(encodeContents(contents), block));
}
