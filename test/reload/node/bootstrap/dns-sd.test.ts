import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { DnsSd } from '#reload/node/bootstrap/dns-sd.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { createTestOverlay, type TestOverlay } from '../../../support/overlay.ts';
import { freeUdpPort, loopbackNodes } from './ring.ts';

const nodeId = (digit: string) => digit.repeat(32) as NodeId;

/** On the loopback interface and at a port of its own, so that no other network and no other test hears of it. */
describe('DNS-SD on loopback', () => {
  const { start, cleanups } = loopbackNodes();

  function overlayNow(name = 'home.example'): Promise<TestOverlay> {
    return createTestOverlay({ clock: systemClock, name, configuration: { noIce: true } });
  }

  function service(overlay: TestOverlay, node: NodeId, port: number): DnsSd {
    const deps = { nodeId: node, configuration: overlay.source, clock: systemClock, log: silentLogger };
    const dnsSd = new DnsSd(deps, { loopback: true, port });
    cleanups.push(() => dnsSd.close());
    return dnsSd;
  }

  async function found(by: DnsSd, most = 99): Promise<readonly BootstrapAddress[]> {
    const all: BootstrapAddress[] = [];
    for await (const at of by.find(AbortSignal.timeout(10_000))) {
      all.push(at);
      if (all.length === most) break;
    }
    return all;
  }

  it('R7890-2.5-01 lets a node that knows nobody in through a peer announced on the local network', async () => {
    const overlay = await overlayNow();
    const localSearch = { dnsSd: true, loopback: true, dnsSdPort: await freeUdpPort() };
    const first = await start(overlay, 'first', { foundRing: true, localSearch });
    const second = await start(overlay, 'second', { localSearch });
    const [at] = first.listening;
    expect(second.status().entrance).toEqual({
      way: 'dns-sd',
      address: '127.0.0.1',
      port: at?.type === 'ipv4' ? at.port : 0,
    });
    expect(second.status().successors).toEqual([first.nodeId]);
  });

  it('R7890-5.4-05 is only a hint: a peer of another overlay under the same name is not joined', async () => {
    const localSearch = { dnsSd: true, loopback: true, dnsSdPort: await freeUdpPort() };
    await start(await overlayNow(), 'stranger', { foundRing: true, localSearch });
    await expect(start(await overlayNow(), 'joiner', { localSearch, startTimeout: 0 })).rejects.toMatchObject({
      code: 'no-contact',
    });
  });

  it('finds who announced itself for the same overlay, not itself, and nobody who has left', async () => {
    const port = await freeUdpPort();
    const [home, other] = [await overlayNow(), await overlayNow('other.example')];
    const [a, b, c] = [
      service(home, nodeId('a'), port),
      service(home, nodeId('b'), port),
      service(other, nodeId('c'), port),
    ];
    await a.announce(6084);
    await b.announce(6085);
    await c.announce(6086);
    expect(await found(a, 1)).toEqual([{ address: '127.0.0.1', port: 6085 }]);
    expect(await found(service(home, nodeId('d'), port), 2)).toHaveLength(2);
    await b.close();
    expect(await found(a)).toEqual([]);
  });

  it('announces the service reload-peer with the name of the overlay, and not the name of this machine', async () => {
    const port = await freeUdpPort();
    const { socket, packets } = await listener(port);
    await service(await overlayNow(), nodeId('a'), port).announce(6084);
    while (packets.length === 0) await once(socket, 'message');
    const text = packets[0]!.toString('latin1');
    for (const part of ['\x0c_reload-peer\x04_tcp\x05local', nodeId('a'), '\x14overlay=home.example'])
      expect(text).toContain(part);
    expect(text).not.toContain((await import('node:os')).hostname());
  });

  it('survives floods, garbage and other machines that have the port alone', async () => {
    const port = await freeUdpPort();
    const overlay = await overlayNow();
    const a = service(overlay, nodeId('a'), port);
    await a.announce(6084);
    const { socket } = await listener(port);
    const send = (bytes: Uint8Array) => new Promise((resolve) => socket.send(bytes, port, '224.0.0.251', resolve));
    for (let i = 0; i < 300; i++)
      await send(Uint8Array.from({ length: (i * 7) % 1400 }, (_, j) => (i * 31 + j * 17) & 0xff));
    const alone = await freeUdpPort();
    const taken = createSocket('udp4');
    taken.bind({ port: alone, address: '0.0.0.0', exclusive: true });
    await once(taken, 'listening');
    cleanups.push(async () => taken.close());
    expect(await found(service(overlay, nodeId('b'), alone))).toEqual([]);
    await service(overlay, nodeId('b'), alone).announce(6085);
    await expect.poll(() => found(service(overlay, nodeId('c'), port), 1), { timeout: 8000 }).toHaveLength(1);
  });

  async function listener(port: number): Promise<{ readonly socket: Socket; readonly packets: Buffer[] }> {
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
    socket.addMembership('224.0.0.251', '127.0.0.1');
    socket.setMulticastInterface('127.0.0.1');
    cleanups.push(async () => socket.close());
    const packets: Buffer[] = [];
    socket.on('message', (bytes) => packets.push(bytes));
    return { socket, packets };
  }
});
