import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { Attacher } from '#reload/attach/attacher.ts';
import type { AppConnection } from '#reload/link/link.ts';
import { TlsTransport } from '#reload/link/tls/tls-transport.ts';
import { attach } from '#reload/wire/attach.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import type { IceCandidate } from '#reload/wire/ice-candidate.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { createTestOverlay, type TestOverlay } from '../../support/overlay.ts';
import { connect, makeNode, type TestNode } from '../messaging/network.ts';

interface Peer extends TestNode {
  readonly attacher: Attacher;
}

const never = new AbortController().signal;
const opened: Peer[] = [];

afterEach(() => {
  for (const peer of opened.splice(0)) {
    peer.attacher.stop();
    peer.messenger.stop();
    peer.links.close();
  }
});

let seed = 0;

async function peer(overlay: TestOverlay, nodeId: NodeId, bindAddresses: readonly string[]): Promise<Peer> {
  const identity = await overlay.identity(`user${nodeId.slice(0, 2)}`, { nodeId });
  const node = makeNode(identity, overlay, { clock: systemClock, seed: ++seed });
  const ports = { clock: systemClock, random: systemRandom, log: silentLogger };
  const transport = new TlsTransport(
    { identity, verifier: node.verifier, configuration: node.configuration, ...ports },
    { bindAddresses },
  );
  const deps = { exchange: node.messenger, transport, links: node.links, clock: systemClock, log: silentLogger };
  const attacher = new Attacher(deps, { nodeId });
  attacher.start();
  const made = Object.assign(node, { attacher });
  opened.push(made);
  return made;
}

/** Two peers that at first reach each other through a relay only. */
async function world(bindAddresses: readonly string[]): Promise<{ small: Peer; large: Peer; relay: Peer }> {
  const overlay = await createTestOverlay({ clock: systemClock });
  const id = (digits: string) => digits.repeat(16) as NodeId;
  const [small, relay, large] = [
    await peer(overlay, id('11'), bindAddresses),
    await peer(overlay, id('55'), bindAddresses),
    await peer(overlay, id('99'), bindAddresses),
  ];
  for (const node of [small, large]) {
    connect(node, relay);
    node.route = () => relay.nodeId;
  }
  return { small, large, relay };
}

function ping(from: Peer, to: Peer): Promise<unknown> {
  const destination = [nodeDestination(to.nodeId)];
  return from.messenger.request({ destination, code: MessageCode.pingReq, body: Uint8Array.of(0, 0) });
}

function linked(node: Peer, to: Peer): Promise<void> {
  return new Promise((resolve) => {
    if (node.links.get(to.nodeId) !== undefined) resolve();
    node.links.observe({ up: (nodeId) => nodeId === to.nodeId && resolve(), down: () => {}, suspect: () => {} });
  });
}

describe('an Attach without ICE', () => {
  it.each([4, 3])(
    'R6940-6.5.1.11-03 is followed by the TLS handshake itself, and by no STUN, as soon as the requester gives No-ICE candidates (type %i beside)',
    async (beside) => {
      const { small, large } = await world(['127.0.0.1']);
      const datagrams: Buffer[] = [];
      const udp = createSocket('udp4', (datagram) => datagrams.push(datagram));
      await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
      const { port } = udp.address();
      let hear: (first: Buffer) => void = () => {};
      const first = new Promise<Buffer>((resolve) => {
        hear = resolve;
      });
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', (chunk) => {
          hear(chunk);
          socket.destroy();
        });
      });
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      onTestFinished(() => {
        udp.close();
        server.close();
      });
      const candidate = (overlayLink: number): IceCandidate => ({
        addrPort: { type: 'ipv4', address: '127.0.0.1', port },
        overlayLink,
        foundation: '1',
        priority: 1,
        type: 'host',
        extensions: [],
      });
      const body = encode(attach, {
        ufrag: '',
        password: '',
        role: 'passive',
        candidates: [candidate(beside), candidate(4)],
        sendUpdate: false,
      });
      const destination = [nodeDestination(large.nodeId)];
      const answer = await small.messenger.request({ destination, code: MessageCode.attachReq, body });
      // The answer has No-ICE candidates too, and neither password nor user fragment for STUN.
      const answered = decode(attach, answer.body);
      expect(answered).toMatchObject({ ufrag: '', password: '', role: 'active' });
      expect(answered.candidates.map(({ overlayLink }) => overlayLink)).toEqual([4]);
      // A ClientHello in a record of TLS 1.x.
      expect([...(await first).subarray(0, 2)]).toEqual([0x16, 3]);
      expect(datagrams).toEqual([]);
    },
  );
});

describe.each([
  ['IPv4', ['127.0.0.1']],
  ['IPv6', ['::1']],
  ['both families', ['127.0.0.1', '::1']],
])('over TLS by %s', (_name, bindAddresses) => {
  it('Attach links two peers, which then talk without the relay', async () => {
    const { small, large, relay } = await world(bindAddresses);
    await Promise.all([small.attacher.attach([nodeDestination(large.nodeId)]), linked(large, small)]);
    const before = relay.forwarder.counters.forwarded;
    await ping(small, large);
    await ping(large, small);
    expect(relay.forwarder.counters.forwarded).toBe(before);
  });

  it('two Attaches at the same time leave both peers linked to each other', async () => {
    const { small, large, relay } = await world(bindAddresses);
    await Promise.all([
      small.attacher.attach([nodeDestination(large.nodeId)]),
      large.attacher.attach([nodeDestination(small.nodeId)]),
    ]);
    const before = relay.forwarder.counters.forwarded;
    await Promise.all([ping(small, large), ping(large, small)]);
    expect(relay.forwarder.counters.forwarded).toBe(before);
  });

  it('AppAttach gives both applications a connection of the expected users', async () => {
    const { small, large } = await world(bindAddresses);
    const accepted = new Promise<AppConnection>((resolve) => large.attacher.onAppAttach(5060, resolve));
    const mine = await small.attacher.appAttach([nodeDestination(large.nodeId)], 5060, never);
    const theirs = await accepted;
    expect([mine.peer.userName, theirs.peer.userName]).toEqual(['user99@home.example', 'user11@home.example']);
    const heard = new Promise((resolve) => theirs.stream.once('data', (chunk: Buffer) => resolve(chunk.toString())));
    mine.stream.write('OPTIONS');
    expect(await heard).toBe('OPTIONS');
    mine.stream.destroy();
    theirs.stream.destroy();
  });
});
