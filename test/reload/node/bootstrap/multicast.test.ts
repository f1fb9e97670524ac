import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { MulticastAnswers } from '#reload/node/bootstrap/multicast-answers.ts';
import { MulticastSearch } from '#reload/node/bootstrap/multicast-search.ts';
import { answerDatagram, readAnswer, readSearch, searchDatagram } from '#reload/node/bootstrap/ping-datagram.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import { createSigner } from '#reload/security/signer.ts';
import { decodeHeader } from '#reload/wire/forwarding-header.ts';
import { eventually } from '../../../support/eventually.ts';
import { createTestOverlay, type TestOverlay } from '../../../support/overlay.ts';
import { freeUdpPort, loopbackNodes } from './ring.ts';

const GROUP = '239.255.60.84';
const LOCAL = { localSearch: { dnsSd: false, loopback: true } };

describe('multicast-bootstrap on loopback', () => {
  const { start, cleanups } = loopbackNodes();

  async function overlayWithGroup(name = 'home.example', port?: number): Promise<TestOverlay> {
    const group = { address: GROUP, port: port ?? (await freeUdpPort()) };
    return createTestOverlay({ clock: systemClock, name, configuration: { noIce: true, multicastBootstrap: [group] } });
  }

  async function member(overlay: TestOverlay, user = 'asker') {
    const signer = createSigner(await overlay.identity(user));
    return {
      signer,
      verifier: overlay.verifier(),
      configuration: overlay.source,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
    };
  }

  async function search(overlay: TestOverlay): Promise<readonly BootstrapAddress[]> {
    const found: BootstrapAddress[] = [];
    const finder = new MulticastSearch(await member(overlay), { loopback: true });
    for await (const at of finder.find(AbortSignal.timeout(10_000))) found.push(at);
    return found;
  }

  /** Sends datagrams to the group as anybody on this machine could, and counts what comes back. */
  async function stranger(): Promise<{ readonly socket: Socket; readonly answers: Uint8Array[] }> {
    const socket = createSocket('udp4');
    socket.bind(0);
    await once(socket, 'listening');
    socket.setMulticastInterface('127.0.0.1');
    cleanups.push(async () => socket.close());
    const answers: Uint8Array[] = [];
    socket.on('message', (bytes) => answers.push(bytes));
    return { socket, answers };
  }

  function portOf(node: { readonly listening: readonly unknown[] }): number {
    return (node.listening[0] as { readonly port: number }).port;
  }

  it('R7890-5.4-02 lets a node without any bootstrap node in through a peer that answers at the group of the document', async () => {
    const overlay = await overlayWithGroup();
    const first = await start(overlay, 'first', { foundRing: true, ...LOCAL });
    expect(first.status().entrance).toEqual({ way: 'founded' });
    const second = await start(overlay, 'second', LOCAL);
    expect(second.status().entrance).toEqual({ way: 'multicast', address: '127.0.0.1', port: portOf(first) });
    expect(second.status().successors).toEqual([first.nodeId]);
  });

  it('finds every peer of the overlay on one machine, and no client', async () => {
    const overlay = await overlayWithGroup();
    const first = await start(overlay, 'first', { foundRing: true, ...LOCAL });
    const second = await start(overlay, 'second', LOCAL);
    await start(overlay, 'client', { mode: 'client', ...LOCAL });
    const found = await search(overlay);
    expect(found.map(({ port }) => port).sort()).toEqual([portOf(first), portOf(second)].sort());
  });

  it('finds nobody of another overlay at the same group, nor of one with the same name and another root', async () => {
    const overlay = await overlayWithGroup();
    const { port } = overlay.source.current.multicastBootstrap[0]!;
    await start(overlay, 'first', { foundRing: true, ...LOCAL });
    expect(await search(await overlayWithGroup('other.example', port))).toEqual([]);
    expect(await search(await overlayWithGroup('home.example', port))).toEqual([]);
  });

  it('answers members only, and of a flood no more than 20 in a second', async () => {
    const overlay = await overlayWithGroup();
    const { port } = overlay.source.current.multicastBootstrap[0]!;
    let now = systemClock.now();
    const clock: Clock = { now: () => now, after: (_, fire) => systemClock.after(0, fire) };
    const answerer = new MulticastAnswers({ ...(await member(overlay, 'peer')), clock }, { loopback: true });
    let arrived = 0;
    await answerer.start([{ address: '127.0.0.1', port: await freeUdpPort() }], () => ++arrived > 0);
    cleanups.push(async () => answerer.close());
    const { socket, answers } = await stranger();
    const send = (bytes: Uint8Array) => new Promise((resolve) => socket.send(bytes, port, GROUP, resolve));
    const asker = await member(overlay);
    const answerTo = async (id: bigint) => {
      await send(searchDatagram(asker, id));
      await eventually(() => answers.some((bytes) => decodeHeader(bytes).header.transactionId === id));
    };

    const outsider = await member(await overlayWithGroup('home.example', port));
    const whole = searchDatagram(asker, 1n);
    const damaged = Uint8Array.from(whole, (byte, i) => (i === whole.length - 1 ? byte ^ 1 : byte));
    for (const bytes of [new Uint8Array(0), new Uint8Array(9000), searchDatagram(outsider, 2n), damaged])
      await send(bytes);
    await answerTo(3n);
    expect(answers).toHaveLength(1);
    // No answer is longer than its request, so that nobody gains by asking in another's name.
    expect(answers[0]!.length).toBeLessThanOrEqual(searchDatagram(asker, 1n).length);

    now += 1000;
    const before = arrived;
    for (let i = 0n; i < 60n; i++) await send(searchDatagram(asker, 100n + i));
    await eventually(() => arrived === before + 60);
    now += 1000;
    await answerTo(4n);
    expect(answers).toHaveLength(1 + 20 + 1);
  });

  it('does not answer while it is not in the overlay itself', async () => {
    const overlay = await overlayWithGroup();
    const { port } = overlay.source.current.multicastBootstrap[0]!;
    let asked = 0;
    const answerer = new MulticastAnswers(await member(overlay, 'peer'), { loopback: true });
    const isInside = () => ++asked > 3;
    await answerer.start([{ address: '127.0.0.1', port: await freeUdpPort() }], isInside);
    cleanups.push(async () => answerer.close());
    const { socket, answers } = await stranger();
    const asker = await member(overlay);
    for (let id = 1n; id <= 4n; id++) socket.send(searchDatagram(asker, id), port, GROUP);
    const [bytes] = (await once(socket, 'message')) as [Uint8Array];
    expect(decodeHeader(bytes).header.transactionId).toBe(4n);
    expect(answers).toHaveLength(1);
  });

  it('takes the answer of a member to its own search only', async () => {
    const overlay = await overlayWithGroup();
    const [asker, peer] = [await member(overlay), await member(overlay, 'peer')];
    const search = readSearch(peer, searchDatagram(asker, 7n));
    const answer = answerDatagram(peer, search, 0);
    expect(readAnswer(asker, answer, 7n).sender).toBe(peer.signer.nodeId);
    expect(() => readAnswer(asker, answer, 8n)).toThrow('no answer to this search');
    expect(() => readAnswer(asker, searchDatagram(peer, 7n), 7n)).toThrow('no answer to this search');
    expect(() => readSearch(peer, searchDatagram(peer, 7n))).toThrow('the own datagram');
    const other = await member(await overlayWithGroup(), 'peer');
    expect(() => readAnswer(asker, answerDatagram(other, search, 0), 7n)).toThrow(/certificate|root|chain/);
  });

  it('ends at once when the document has no group', async () => {
    const overlay = await createTestOverlay({ clock: systemClock, configuration: { noIce: true } });
    const start = performance.now();
    expect(await search(overlay)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(500);
  });
});
