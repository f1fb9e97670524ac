import { sign, verify } from 'node:crypto';
import { type Clock, systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { OverlayTransport } from '#reload/link/link.ts';
import { TlsTransport } from '#reload/link/tls/tls-transport.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import type { Identity, Verifier } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { hashToResourceId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { MemoryNetwork } from '../test/simulation/memory-network.ts';
import { MemoryTransport } from '../test/simulation/memory-transport.ts';
import { SeededRandom } from '../test/simulation/seeded-random.ts';
import { OPEN_KIND } from '../test/simulation/simulated-overlay.ts';
import type { TestOverlay } from '../test/support/overlay.ts';
import { VALUE_BYTES } from './material.ts';
import { round, type Timing, timeAsync, timeSync } from './measure.ts';

export interface RingResult {
  readonly peers: number;
  /** Which links the ring used. */
  readonly links: 'TLS on loopback' | 'memory';
  readonly put: Timing;
  readonly get: Timing;
  /** Median of put and get as multiples of their floors. */
  readonly putToFloor: number;
  readonly getToFloor: number;
}

export interface Floors {
  readonly put: Timing;
  readonly get: Timing;
}

const PEERS = 16;
const OPERATIONS = 400;
const WARM_UP = 100;

/**
 * All signatures of one operation, made and checked one after the other with nothing around them. A put signs seven times (value, Store, two
 * replica Stores, three answers) and checks nine times (each of the six messages and, at three peers, the value); a get signs
 * twice and checks three times.
 */
export function benchFloors(identity: Identity): Floors {
  const input = systemRandom.bytes(300);
  const signature = sign('sha256', input, identity.privateKey);
  const run = (signs: number, verifies: number) => () => {
    for (let i = 0; i < signs; i++) sign('sha256', input, identity.privateKey);
    for (let i = 0; i < verifies; i++) verify('sha256', input, identity.certificate.publicKey, signature);
  };
  return { put: timeSync('floor of a put', run(7, 9)), get: timeSync('floor of a get', run(2, 3)) };
}

/** Signed puts and gets of one peer on a ring of 16 in this process: values cold, certificates warm. */
export async function benchRing(overlay: TestOverlay, links: RingResult['links'], floors: Floors): Promise<RingResult> {
  const nodes = await startRing(overlay, links);
  const [writer, reader] = [nodes[3], nodes[11]];
  if (!writer || !reader) throw new Error('the ring is too small');
  const name = (index: number) => hashToResourceId(`bench ${links} ${index}`);
  const store = (index: number) =>
    writer.records.store({
      resource: name(index),
      kind: OPEN_KIND.id,
      values: [{ place: { model: 'single' }, value: systemRandom.bytes(VALUE_BYTES) }],
      lifetimeSeconds: 3600,
    });
  const fetch = (index: number) => reader.records.fetch({ resource: name(index), kind: OPEN_KIND.id });
  for (let index = 0; index < WARM_UP; index++) {
    await store(index);
    await fetch(index);
  }
  await settled(nodes);
  const put = await timeAsync(`put, ${links}`, OPERATIONS, (index) => store(WARM_UP + index));
  const get = await timeAsync(`get, ${links}`, OPERATIONS, (index) => fetch(WARM_UP + index));
  await Promise.all(nodes.map((node) => node.stop()));
  const ratio = (measured: Timing, floor: Timing) => round(measured.medianUs / floor.medianUs, 2);
  return { peers: PEERS, links, put, get, putToFloor: ratio(put, floors.put), getToFloor: ratio(get, floors.get) };
}

/** Joins and copies go on for a while after the last peer is in: waits until nobody asked anybody anything for two seconds. */
async function settled(nodes: readonly ReloadNode[]): Promise<void> {
  const requests = () => nodes.reduce((sum, node) => sum + node.status().messaging.requestsSent, 0);
  for (let before = -1, now = requests(); now !== before; before = now, now = requests()) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

async function startRing(overlay: TestOverlay, links: RingResult['links']): Promise<ReloadNode[]> {
  const identities = await overlay.members(PEERS);
  const network = new MemoryNetwork(
    { clock: immediateClock, random: new SeededRandom('bench') },
    { latencyMs: { min: 0, max: 0 } },
  );
  const nodes: ReloadNode[] = [];
  let bootstrap: readonly { readonly address: string; readonly port: number }[] = [];
  for (const identity of identities) {
    const host = network.host();
    const verifier = overlay.verifier();
    const address = links === 'memory' ? host.address : '127.0.0.1';
    const node = new ReloadNode(
      {
        identity,
        verifier,
        configuration: overlay.source,
        clock: systemClock,
        random: systemRandom,
        log: silentLogger,
        store: memoryStore(),
        kinds: { get: (id) => (id === OPEN_KIND.id ? OPEN_KIND : undefined) },
        createSigner,
        openTransport: (as) => (links === 'memory' ? new MemoryTransport(host, as) : tls(overlay, as, verifier)),
      },
      {
        mode: 'peer',
        foundRing: nodes.length === 0,
        bootstrapNodes: bootstrap,
        ...(nodes.length === 0 ? { listen: { host: address, port: links === 'memory' ? 6084 : 0 } } : {}),
      },
    );
    await node.start();
    nodes.push(node);
    if (nodes.length > 1) continue;
    bootstrap = node.listening.flatMap((one) => (one.type === 'unknown' ? [] : [one]));
  }
  return nodes;
}

/** The system's clock, but for timers of 0 ms, which a system timer would stretch to 1 ms. */
const immediateClock: Clock = {
  now: systemClock.now,
  after(ms, fire) {
    if (ms > 0) return systemClock.after(ms, fire);
    const immediate = setImmediate(fire);
    return { cancel: () => clearImmediate(immediate) };
  },
};

function tls(overlay: TestOverlay, identity: Identity, verifier: Verifier): OverlayTransport {
  return new TlsTransport(
    { identity, verifier, configuration: overlay.source, clock: systemClock, random: systemRandom, log: silentLogger },
    { bindAddresses: ['127.0.0.1'], advertise: ['127.0.0.1'] },
  );
}
