import { hkdfSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { Link } from '#reload/link/link.ts';
import { secureContextOptions } from '#reload/link/tls/tls-options.ts';
import { createReloadNode } from '#reload/node/create-node.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { memoryStore } from '#store/memory-store.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';
import { never, tls } from './tls-world.ts';
import { transportContract } from './transport-contract.ts';

const SECRET = 'correct horse battery staple';

function secretOverlay(sharedSecret: string | undefined = SECRET): Promise<TestOverlay> {
  return createTestOverlay({ clock: systemClock, configuration: { sharedSecret } });
}

/** The same overlay as somebody sees it who was told another secret. */
function withSecret(overlay: TestOverlay, sharedSecret: string | undefined): TestOverlay {
  const configuration = { ...overlay.source.current, sharedSecret };
  return { ...overlay, source: new CurrentConfiguration({ configuration, document: overlay.source.bytes }) };
}

transportContract('TLS in shared secret mode', async () => {
  const overlay = await secretOverlay();
  return {
    host: '127.0.0.1',
    async member(user) {
      const identity = await overlay.identity(user);
      return { identity, transport: tls(overlay, identity) };
    },
    settle: (promise) => promise,
    close: async () => {},
  };
});

/** What comes of a link, and of an application's connection, from one member to another. */
async function attempts(listening: TestOverlay, dialling: TestOverlay): Promise<readonly string[]> {
  const [alice, bob] = await listening.members(2);
  const [there, here] = [tls(listening, alice!), tls(dialling, bob!)];
  const links: Link[] = [];
  const listener = await there.listen({ host: '127.0.0.1', port: 0 }, (link) => links.push(link));
  const offer = await there.offerLink();
  const application = await there.offerApplication();
  const outcome = (promise: Promise<unknown>) =>
    promise.then(
      () => 'up',
      (failure) => failure.fault.code as string,
    );
  const outcomes = await Promise.all([
    outcome(here.dialLink(listener.addresses, undefined, never).then((link) => links.push(link))),
    outcome(here.dialLink(offer.addresses, alice!.nodeId, never).then((link) => links.push(link))),
    outcome(here.dialApplication(application.addresses, alice!.nodeId, never).then(({ stream }) => stream.destroy())),
  ]);
  offer.close();
  application.close();
  await listener.close();
  for (const link of links) link.close();
  return outcomes;
}

describe('shared secret mode', () => {
  it('R6940-4.1.1-01 R6940-13.4-01 lets nobody form a link who does not know the secret, whatever certificate he has', async () => {
    const overlay = await secretOverlay();
    expect(await attempts(overlay, overlay)).toEqual(['up', 'up', 'up']);
    const refused = ['shared-secret', 'shared-secret', 'shared-secret'];
    expect(await attempts(overlay, withSecret(overlay, 'guessed'))).toEqual(refused);
    // Its ClientHello offers no pre-shared key at all.
    expect(new Set(await attempts(overlay, withSecret(overlay, undefined)))).toEqual(new Set(['closed']));
    expect(await attempts(withSecret(overlay, undefined), overlay)).toEqual(refused);
  }, 30_000);

  it('R6940-13.4-01 keys TLS-PSK with the secret: a ring forms of those who have it, without the one who has not', async () => {
    const overlay = await secretOverlay();
    const start = async (
      user: string,
      of: TestOverlay,
      bootstrapNodes: readonly { address: string; port: number }[],
    ) => {
      const node = createReloadNode(
        {
          identity: await overlay.identity(user),
          configuration: of.source,
          store: memoryStore(),
          clock: systemClock,
          random: systemRandom,
          log: collected.log,
        },
        {
          mode: 'peer',
          listen: { host: '127.0.0.1', port: 0 },
          bootstrapNodes,
          foundRing: bootstrapNodes.length === 0,
          ...(of === overlay ? {} : { startTimeout: 2000 }),
          tls: { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] },
        },
      );
      onTestFinished(() => node.stop());
      await node.start();
      return node;
    };
    const collected = collectingLog();
    const first = await start('first', overlay, []);
    const [at] = first.listening;
    const entrance = at?.type === 'ipv4' ? [{ address: at.address, port: at.port }] : [];
    const second = await start('second', overlay, entrance);
    const third = await start('third', overlay, entrance);
    const { nodeId } = await third.queries.ping([nodeDestination(second.nodeId)]);
    expect(nodeId).toBe(second.nodeId);
    await expect(start('stranger', withSecret(overlay, 'guessed'), entrance)).rejects.toMatchObject({
      fault: { code: 'no-contact' },
    });
    await eventually(() => collected.lines.some((line) => line.includes('"shared-secret"')));
    expect(collected.lines.filter((line) => line.includes(SECRET))).toEqual([]);
    expect(JSON.stringify([first.status(), third.status()])).not.toContain(SECRET);
  }, 30_000);

  it('R6940-11.1-23 makes the shared-secret of the document the key on the wire, from the moment it is in force', async () => {
    const overlay = await secretOverlay();
    const [alice] = await overlay.members(1);
    const listener = await tls(overlay, alice!).listen({ host: '127.0.0.1', port: 0 }, () => {});
    onTestFinished(() => listener.close());
    const [at] = listener.addresses;
    if (at?.type !== 'ipv4') throw new Error('an IPv4 address was expected');
    const key = (secret: string) => Buffer.from(hkdfSync('sha256', secret, overlay.name, 'RELOAD shared secret', 32));
    const dial = async (secret: string): Promise<string> => {
      const socket = connect({
        host: at.address,
        port: at.port,
        ciphers: 'PSK',
        maxVersion: 'TLSv1.2',
        pskCallback: () => ({ psk: key(secret), identity: overlay.name }),
        checkServerIdentity: () => undefined,
      });
      try {
        await once(socket, 'secureConnect');
        const { name } = socket.getCipher();
        return `${name}, then ${await innerProtocol(socket, overlay)}`;
      } catch {
        return 'refused';
      } finally {
        socket.destroy();
      }
    };
    expect(await dial(SECRET)).toBe('ECDHE-PSK-CHACHA20-POLY1305, then TLSv1.3');
    expect(await dial('another')).toBe('refused');
    const configuration = { ...overlay.source.current, sharedSecret: 'another' };
    overlay.source.replace({ configuration, document: overlay.source.bytes });
    expect(await dial('another')).toBe('ECDHE-PSK-CHACHA20-POLY1305, then TLSv1.3');
    expect(await dial(SECRET)).toBe('refused');
  });
});

async function innerProtocol(channel: TLSSocket, overlay: TestOverlay): Promise<string | null> {
  const [member] = await overlay.members(1);
  const socket = connect({
    socket: channel,
    ...secureContextOptions(member!, overlay.source.current),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  return socket.getProtocol();
}

function collectingLog(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (message: string, fields: unknown = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { child: () => log, debug: write, info: write, warn: write, error: write };
  return { log, lines };
}
