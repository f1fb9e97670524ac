import { sign, verify } from 'node:crypto';
import { type Clock, delay, systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import type { OverlayTransport } from '#reload/link/link.ts';
import { TlsTransport } from '#reload/link/tls/tls-transport.ts';
import { ReloadNode } from '#reload/node/reload-node.ts';
import type { Identity, Verifier } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';
import { hashToResourceId, type NodeId, type ResourceId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { MemoryNetwork } from '../test/simulation/memory-network.ts';
import { MemoryTransport } from '../test/simulation/memory-transport.ts';
import { SeededRandom } from '../test/simulation/seeded-random.ts';
import { OPEN_KIND } from '../test/simulation/simulated-overlay.ts';
import type { TestOverlay } from '../test/support/overlay.ts';
import { VALUE_BYTES } from './material.ts';
import { round, Stopwatch, type Timing } from './measure.ts';

export interface RingResult {
  readonly peers: number;
  /** Which links the ring used. */
  readonly links: 'TLS on loopback' | 'memory';
  readonly put: Timing;
  readonly get: Timing;
  readonly putFloor: Timing;
  readonly getFloor: Timing;
  /** Median of put and get as multiples of their floors. */
  readonly putToFloor: number;
  readonly getToFloor: number;
  /** Requests that all peers together sent for one operation: 3 and 1 when nothing else goes on in the ring. */
  readonly requestsPerPut: number;
  readonly requestsPerGet: number;
}

const PEERS = 16;
const OPERATIONS = 400;
/** Until then parts of the code are still being compiled. */
const WARM_UP = 1000;
/** Operations and floors are timed in turns of so many. */
const TURN = 20;
/** For 10 s after a join, changes are copied to joiners as well; this and a bit more. */
const HANDOVER_MS = 11_000;

/** Signed puts and gets of one peer on rings of 16 in this process, by TLS and by memory links: values cold, certificates warm. */
export async function benchRings(overlay: TestOverlay, identity: Identity): Promise<readonly RingResult[]> {
  const rings = await Promise.all([startRing(overlay, 'TLS on loopback'), startRing(overlay, 'memory')]);
  await settled(rings.flatMap(({ nodes }) => nodes));
  const results: RingResult[] = [];
  for (const ring of rings) {
    results.push(await measure(ring, floorsOf(identity)));
    await Promise.all(ring.nodes.map((node) => node.stop()));
  }
  return results;
}

interface Ring {
  readonly links: RingResult['links'];
  readonly nodes: readonly ReloadNode[];
}

/**
 * All signatures of one operation, made and checked one after the other with nothing around them. A put signs seven times (value, Store, two
 * replica Stores, three answers) and checks nine times (each of the six messages and, at three peers, the value); a get signs
 * twice and checks three times.
 */
function floorsOf({ privateKey, certificate }: Identity): Readonly<Record<'put' | 'get', () => void>> {
  const input = systemRandom.bytes(300);
  const signature = sign('sha256', input, privateKey);
  const floor = (signs: number, verifies: number) => () => {
    for (let i = 0; i < signs; i++) sign('sha256', input, privateKey);
    for (let i = 0; i < verifies; i++) verify('sha256', input, certificate.publicKey, signature);
  };
  return { put: floor(7, 9), get: floor(2, 3) };
}

async function measure({ links, nodes }: Ring, floors: ReturnType<typeof floorsOf>): Promise<RingResult> {
  const [writer, reader] = [nodes[3], nodes[11]];
  if (!writer || !reader) throw new Error('the ring is too small');
  const names = remoteNames({ links, nodes }, [writer, reader]);
  const store = (index: number) =>
    writer.records.store({
      resource: names(index),
      kind: OPEN_KIND.id,
      values: [{ place: { model: 'single' }, value: systemRandom.bytes(VALUE_BYTES) }],
      lifetimeSeconds: 3600,
    });
  const fetch = (index: number) => reader.records.fetch({ resource: names(index), kind: OPEN_KIND.id });
  for (let index = 0; index < WARM_UP; index++) {
    await store(index);
    await fetch(index);
  }
  const before = requestsOf(nodes);
  const put = await timeInTurns('put', links, { operation: (index) => store(WARM_UP + index), floor: floors.put });
  const between = requestsOf(nodes);
  const get = await timeInTurns('get', links, { operation: (index) => fetch(WARM_UP + index), floor: floors.get });
  const perOperation = (requests: number) => round(requests / OPERATIONS, 2);
  return {
    peers: PEERS,
    links,
    put: put.timing,
    get: get.timing,
    putFloor: put.floor,
    getFloor: get.floor,
    putToFloor: put.toFloor,
    getToFloor: get.toFloor,
    requestsPerPut: perOperation(between - before),
    requestsPerGet: perOperation(requestsOf(nodes) - between),
  };
}

/** Resources of which neither the writer nor the reader keeps a copy: what they did by themselves would cost less than the floor. */
function remoteNames({ links, nodes }: Ring, users: readonly ReloadNode[]): (index: number) => ResourceId {
  const clockwise = nodes.map(({ nodeId }) => nodeId).sort();
  const own = new Set<NodeId | undefined>(users.map(({ nodeId }) => nodeId));
  const isRemote = (resource: ResourceId) => {
    // Behind the last one the ring begins again.
    const responsible = Math.max(
      0,
      clockwise.findIndex((nodeId) => nodeId >= String(resource)),
    );
    return [0, 1, 2].every((step) => !own.has(clockwise[(responsible + step) % clockwise.length]));
  };
  const all = Array.from({ length: 4 * (WARM_UP + OPERATIONS) }, (_, i) => hashToResourceId(`bench ${links} ${i}`));
  const remote = all.filter(isRemote);
  return (index) => remote[index] ?? fail('too few resources lie elsewhere on the ring');
}

function fail(message: string): never {
  throw new Error(message);
}

/** The floor is timed alone, but in turns with the operation: a machine that others use is now slow, now fast. */
async function timeInTurns(
  name: string,
  links: RingResult['links'],
  work: { readonly operation: (index: number) => Promise<unknown>; readonly floor: () => void },
): Promise<{ readonly timing: Timing; readonly floor: Timing; readonly toFloor: number }> {
  const watch = new Stopwatch(`${name}, ${links}`);
  const floorWatch = new Stopwatch(`floor of a ${name}, meanwhile`);
  for (let index = 0; index < OPERATIONS; ) {
    for (let i = 0; i < TURN; i++) floorWatch.time(work.floor);
    for (let i = 0; i < TURN; i++) await watch.timeAsync(() => work.operation(index++));
  }
  const [timing, floor] = [watch.timing, floorWatch.timing];
  return { timing, floor, toFloor: round(timing.medianUs / floor.medianUs, 2) };
}

function requestsOf(nodes: readonly ReloadNode[]): number {
  return nodes.reduce((sum, node) => sum + node.status().messaging.requestsSent, 0);
}

/** Joins and copies go on for a while after the last peer is in: waits until nobody asked anybody anything for two seconds. */
async function settled(nodes: readonly ReloadNode[]): Promise<void> {
  for (let before = -1, now = requestsOf(nodes); now !== before; before = now, now = requestsOf(nodes)) {
    await delay(systemClock, 2000);
  }
  await delay(systemClock, HANDOVER_MS);
}

async function startRing(overlay: TestOverlay, links: RingResult['links']): Promise<Ring> {
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
  return { links, nodes };
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
