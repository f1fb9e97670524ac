import { describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import type { DatagramChannel, DatagramObserver } from '#reload/link/datagram-channel.ts';
import { DatagramLink } from '#reload/link/datagram-link.ts';
import { decodeFrame } from '#reload/link/frame-reader.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { at, createBench } from './bench.ts';

/** One end of an association that delivers at once, until it is cut. */
class Channel implements DatagramChannel {
  readonly mtu = 1400;
  cut = false;
  /** Data frames sent since it was cut. */
  lost = 0;
  other: Channel | undefined;
  #observer: DatagramObserver | undefined;

  observe(observer: DatagramObserver): void {
    this.#observer = observer;
  }

  send(bytes: Uint8Array): void {
    if (this.cut && decodeFrame(bytes)?.type === 'data') this.lost++;
    const observer = this.other?.cut === false && !this.cut ? this.other.#observer : undefined;
    if (observer !== undefined) queueMicrotask(() => observer.datagram(bytes));
  }

  close(): void {}
}

describe('a link that stays without ACK', () => {
  it('R6940-6.6.3.1-11 R6940-6.6-06 R6940-6.6.3.1-12 is out of the Routing Table with the third retransmission, while it is open still, and back with an ACK', async () => {
    const bench = await createBench(0x80, { timers: { livenessInterval: 1e9, suspicionTimeout: 60_000 } });
    const { net, self, chord } = bench;
    chord.found();
    await bench.peer(0x90);
    const silent = await net.node('silent', await net.overlay.identity('silent', { nodeId: at(0xa0) }));
    const [here, there] = [new Channel(), new Channel()];
    here.other = there;
    there.other = here;
    const deps = { clock: net.clock, log: silentLogger };
    const ends = [
      [self, here, silent],
      [silent, there, self],
    ] as const;
    for (const [owner, channel, far] of ends) {
      const options = { peer: far.identity.certificate, nodeId: far.nodeId, remoteAddress: 'test' };
      owner.links.add(new DatagramLink(channel, deps, options));
    }
    await bench.tell(silent, { uptime: 1, type: 'peer_ready' });
    await net.clock.advance(5000);
    expect(chord.nextHop(at(0xa8))).toBe(at(0xa0));

    here.cut = true;
    const body = new Uint8Array(2);
    const destination = [nodeDestination(at(0xa0))];
    self.messenger.request({ destination, code: MessageCode.pingReq, body, firstHop: at(0xa0) }).catch(() => {});
    const routed = () => chord.nextHop(at(0xa8)) === at(0xa0);
    await net.clock.runUntil(() => here.lost === 3);
    expect(routed()).toBe(true);
    await net.clock.runUntil(() => here.lost === 4);
    expect(routed()).toBe(false);
    expect(chord.status().suspects).toEqual([at(0xa0)]);
    expect(self.links.get(at(0xa0))).toBeDefined();

    here.cut = false;
    await net.clock.runUntil(routed, 5000);
    expect(chord.status().suspects).toEqual([]);
  });
});
