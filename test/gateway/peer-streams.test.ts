import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PeerStreams } from '#gateway/peer-streams.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import type { AppConnection } from '#reload/link/link.ts';
import { type NodeId, nodeIdOf } from '#reload/wire/ids.ts';
import type { SipStream } from '#sip/ua/call-engine.ts';
import { createTestOverlay } from '../support/overlay.ts';

const never = new AbortController().signal;
const node = (number: number): NodeId => nodeIdOf(new Uint8Array(16).fill(1, 0, 14).fill(number, 14));

async function setup() {
  const overlay = await createTestOverlay({ clock: systemClock });
  const { certificate: peer } = await overlay.identity('peer');
  const attached: SipStream[] = [];
  const streams = new PeerStreams({ log: silentLogger, attach: (stream) => void attached.push(stream) });
  let connected: (connection: AppConnection) => void = () => {};
  let made = 0;
  streams.serve({
    nodeId: node(0),
    onAppAttach: (_application, listener) => {
      connected = listener;
    },
    appAttach: () => Promise.reject(new Error('not asked for')),
  });
  const self = {
    nodeId: node(0),
    onAppAttach: () => {},
    appAttach: async () => {
      made++;
      return { stream: duplexPair()[0], peer, nodeId: node(1) };
    },
  };
  return {
    attached,
    /** The node of that number connects. */
    arrive(number: number): Duplex {
      const [stream] = duplexPair();
      connected({ stream, peer, nodeId: node(number) });
      return stream;
    },
    /** Calls node 1. */
    open: () => streams.open(self, { destinations: [], nodeId: node(1), userName: peer.userName }, never),
    made: () => made,
  };
}

describe('connections for SIP to other members', () => {
  it('R7904-5.1-07 are used again for further calls', async () => {
    const { arrive, open, made } = await setup();
    const first = await open();
    expect(await open()).toBe(first);
    first.duplex.destroy();
    await new Promise((resolve) => first.duplex.once('close', resolve));
    const second = await open();
    expect(second).not.toBe(first);
    expect(made()).toBe(2);
    const newest = arrive(1);
    expect((await open()).duplex).toBe(newest);
    expect(second.duplex.destroyed).toBe(false);
  });

  it('are at most 256: beyond that the one unused for longest is closed', async () => {
    const { arrive, open, attached } = await setup();
    const used = await open();
    const others = Array.from({ length: 255 }, (_, index) => arrive(index + 2));
    expect(others.filter(({ destroyed }) => destroyed)).toEqual([]);
    expect(await open()).toBe(used);
    const last = arrive(0);
    expect([used.duplex, ...others, last].flatMap(({ destroyed }, at) => (destroyed ? [at] : []))).toEqual([1]);
    expect(attached).toHaveLength(256);
  });

  it('are at most four with one node, so that it cannot push others out', async () => {
    const { arrive } = await setup();
    const other = arrive(2);
    const many = Array.from({ length: 300 }, () => arrive(1));
    expect(many.map(({ destroyed }) => destroyed).lastIndexOf(true)).toBe(295);
    expect(other.destroyed).toBe(false);
  });
});
