import { describe, expect, it } from 'vitest';
import { type SimulatedNode, SimulatedOverlay, unreachable } from './simulated-overlay.ts';

/** Long enough for copies to be made and surplus ones to be dropped after a change. */
const SETTLED = 70_000;

async function ringWithRecords(peers: number, seed: string, recordsEach = 1) {
  const overlay = await SimulatedOverlay.create({ seed });
  const records = new Map<string, string>();
  for (let i = 0; i < peers; i++) {
    const peer = await overlay.add(`peer${i}`);
    for (let k = 0; k < recordsEach; k++) {
      const name = `record ${k} of ${peer.name}`;
      await overlay.store(peer, name, `value of ${name}`);
      records.set(name, `value of ${name}`);
    }
  }
  await overlay.clock.runUntil(() => overlay.isRing());
  return { overlay, records };
}

function copies(overlay: SimulatedOverlay): number {
  return overlay.living.reduce((sum, { node }) => sum + node.status().records, 0);
}

function inRingOrder(overlay: SimulatedOverlay) {
  return [...overlay.living].sort((a, b) => (a.node.nodeId < b.node.nodeId ? -1 : 1));
}

describe('a ring in one process, in virtual time', () => {
  it('grows from 1 to 32 peers with real signatures, and every record is fetched through every peer', async () => {
    const { overlay, records } = await ringWithRecords(32, 'grow');
    expect(await unreachable(overlay, records, 2)).toEqual([]);
    await overlay.clock.advance(SETTLED);
    expect(copies(overlay)).toBe(3 * records.size);
    for (const victim of [3, 11, 12, 20, 29]) overlay.nodes[victim]?.host.kill();
    expect(await unreachable(overlay, records, 4)).toEqual([]);
    await overlay.clock.advance(SETTLED);
    expect(overlay.isRing()).toBe(true);
    expect(copies(overlay)).toBe(3 * records.size);
  });

  it('gives the same trace for the same seed, and another for another', async () => {
    const run = async (seed: string) => {
      const { overlay, records } = await ringWithRecords(8, seed);
      overlay.nodes[3]?.host.kill();
      expect(await unreachable(overlay, records)).toEqual([]);
      return { trace: overlay.trace.join('\n'), messages: overlay.network.messages, at: overlay.clock.now() };
    };
    const first = await run('same');
    expect(await run('same')).toEqual(first);
    expect((await run('other')).trace).not.toBe(first.trace);
  });

  it('R6940-10.7-04 R6940-4.4-02 keeps records when two neighbouring peers die at once, and gets back to three neighbours a side', async () => {
    const { overlay, records } = await ringWithRecords(10, 'two at once', 3);
    await overlay.clock.advance(SETTLED);
    const [, , third, fourth] = inRingOrder(overlay);
    third?.host.kill();
    fourth?.host.kill();
    expect(await unreachable(overlay, records)).toEqual([]);
    await overlay.clock.runUntil(() => overlay.isRing(), 5000);
    await overlay.clock.advance(SETTLED);
    expect(copies(overlay)).toBe(3 * records.size);
  });

  it('shrinks by graceful leaves down to one peer without losing a record', async () => {
    const { overlay, records } = await ringWithRecords(7, 'leaves', 3);
    while (overlay.living.length > 1) {
      const [leaver] = overlay.living;
      if (leaver !== undefined) await overlay.leave(leaver);
      expect(await unreachable(overlay, records)).toEqual([]);
    }
  });

  it('R6940-4.4-02 gives up a stopped peer by its silence, serves its records, and takes it back when it continues', async () => {
    const { overlay, records } = await ringWithRecords(8, 'stopped', 3);
    await overlay.clock.advance(SETTLED);
    const stopped = overlay.nodes[2]!;
    stopped.host.stop();
    await overlay.clock.runUntil(() => overlay.isRing(), 30_000);
    expect(await unreachable(overlay, records)).toEqual([]);
    for (const name of records.keys()) {
      records.set(name, `newer ${name}`);
      await overlay.store(overlay.living[0]!, name, `newer ${name}`);
    }
    stopped.host.continue();
    await overlay.clock.runUntil(() => overlay.isRing(), 30_000);
    expect(overlay.living).toHaveLength(8);
    expect(await unreachable(overlay, records)).toEqual([]);
  });

  it('finds every record within 10 s of a stop when neighbours are pinged every 2 s', async () => {
    const overlay = await SimulatedOverlay.create({
      seed: 'fast',
      timers: { livenessInterval: 2000, suspicionTimeout: 2000 },
    });
    await overlay.grow(6);
    await overlay.clock.runUntil(() => overlay.isRing());
    await overlay.store(overlay.nodes[0]!, 'wanted', 'found');
    const { replicas } = await overlay.store(overlay.nodes[0]!, 'wanted', 'found again');
    const holders = overlay.living.filter(({ node }) => node.status().records > 0);
    const responsible = holders.find(({ node }) => !replicas.includes(node.nodeId))!;
    const start = overlay.clock.now();
    responsible.host.stop();
    for (const reader of overlay.living) expect(await overlay.fetch(reader, 'wanted')).toBe('found again');
    expect(overlay.clock.now() - start).toBeLessThan(10_000);
  });

  it('lets fifteen peers join at once', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'flash' });
    const first = await overlay.add('peer0');
    const records = new Map<string, string>();
    for (let i = 0; i < 20; i++) {
      records.set(`r${i}`, `v${i}`);
      await overlay.store(first, `r${i}`, `v${i}`);
    }
    const made: SimulatedNode[] = [];
    for (let i = 1; i <= 15; i++) made.push(await overlay.make(`peer${i}`));
    await overlay.clock.run(Promise.all(made.map(({ node }) => node.start())));
    await overlay.clock.runUntil(() => overlay.isRing(), 30_000);
    expect(await unreachable(overlay, records, 4)).toEqual([]);
    await overlay.clock.advance(SETTLED);
    expect(copies(overlay)).toBeGreaterThanOrEqual(3 * records.size);
  });

  it('R6940-10.7.4.4-01 R6940-10.7.4.4-03 R6940-6.4.2.3-02 merges two rings that know one bootstrap node, with the records of both', async () => {
    const overlay = await SimulatedOverlay.create({ seed: 'two rings', timers: { partitionInterval: 20_000 } });
    await overlay.grow(4);
    const known = { address: overlay.nodes[0]!.host.address, port: 6084 };
    const second = await overlay.add('second', { foundRing: true, bootstrapNodes: [] });
    const theirs = { address: second.host.address, port: 6084 };
    // These three look at their own ring's first node when they join, and at the other ring's later.
    for (let i = 0; i < 3; i++) await overlay.add(`second${i}`, { bootstrapNodes: [theirs] });
    const records = new Map([
      ['of the first', 'one'],
      ['of the second', 'two'],
    ]);
    await overlay.store(overlay.nodes[1]!, 'of the first', 'one');
    await overlay.store(second, 'of the second', 'two');
    expect(overlay.isRing()).toBe(false);
    const bridge = await overlay.add('bridge', { bootstrapNodes: [theirs, known] });
    expect(bridge.node.status().joined).toBe(true);
    await overlay.clock.runUntil(() => overlay.isRing(), 300_000);
    await overlay.clock.advance(SETTLED);
    expect(await unreachable(overlay, records)).toEqual([]);
  });

  it('joins again by itself after it was stopped for minutes', async () => {
    const { overlay, records } = await ringWithRecords(6, 'cut off');
    const cut = overlay.nodes[4]!;
    cut.host.stop();
    await overlay.clock.advance(120_000);
    cut.host.continue();
    await overlay.clock.runUntil(() => overlay.isRing(), 60_000);
    expect(overlay.trace.some((line) => line.includes('peer4 warn joining again'))).toBe(true);
    expect(await unreachable(overlay, records)).toEqual([]);
  });

  it('R6940-10.7.1-07 joins again when all its successors die at once', async () => {
    const { overlay } = await ringWithRecords(10, 'all successors');
    const [first, ...next] = inRingOrder(overlay);
    for (const successor of next.slice(0, 3)) successor.host.kill();
    await overlay.clock.advance(2000);
    expect(overlay.trace.some((line) => line.includes(`${first?.name} warn joining again`))).toBe(true);
    await overlay.clock.runUntil(() => overlay.isRing(), 30_000);
  });

  it('comes back with its data after a restart on the same store', async () => {
    const { overlay, records } = await ringWithRecords(4, 'restart');
    const { identity, store, node, host } = overlay.nodes[2]!;
    host.kill();
    const again = await overlay.add('peer2 again', { identity, store });
    expect(again.node.nodeId).toBe(node.nodeId);
    await overlay.clock.runUntil(() => overlay.isRing(), 10_000);
    expect(await unreachable(overlay, records)).toEqual([]);
  });

  it('R6940-4.5.2-01 serves what is stored while a peer joins, at every moment', async () => {
    const { overlay } = await ringWithRecords(3, 'moving');
    const writer = overlay.nodes[0]!;
    let joined = false;
    const made = await overlay.make('joiner');
    const joining = made.node.start().then(() => {
      joined = true;
    });
    let written = 0;
    while (!joined || written < 40) {
      const name = `moving ${written++}`;
      await overlay.store(writer, name, name);
      expect(await overlay.fetch(overlay.nodes[1]!, name)).toBe(name);
    }
    await overlay.clock.run(joining);
    for (let i = 0; i < written; i++) expect(await overlay.fetch(made, `moving ${i}`)).toBe(`moving ${i}`);
  });

  it('loses no record in a row of twenty joins, kills, power losses, leaves and stops, with messages lost on the way', async () => {
    const timers = { livenessInterval: 2000, suspicionTimeout: 2000, holdDown: 3000 };
    const overlay = await SimulatedOverlay.create({ seed: 'churn', network: { loss: 0.01 }, timers });
    await overlay.grow(9);
    const records = new Map<string, string>();
    const write = async (name: string, value: string) => {
      await overlay.store(overlay.living[records.size % overlay.living.length]!, name, value);
      records.set(name, value);
    };
    for (let i = 0; i < 20; i++) await write(`record ${i}`, 'first');
    await overlay.clock.advance(10_000);
    const random = overlay.random.fork('events');
    let stopped: SimulatedNode | undefined;
    for (let event = 0; event < 20; event++) {
      const [first, ...others] = overlay.living;
      const victim = others[Math.floor(random.unit() * others.length)]!;
      const what = others.length < 5 ? 0 : Math.floor(random.unit() * 5);
      if (what === 0)
        await overlay.add(`joiner${event}`, { bootstrapNodes: [{ address: first!.host.address, port: 6084 }] });
      else if (what === 1) victim.host.kill();
      else if (what === 2) victim.host.vanish();
      else if (what === 3) await overlay.leave(victim);
      else if (stopped === undefined) {
        stopped = victim;
        stopped.host.stop();
      } else {
        stopped.host.continue();
        stopped = undefined;
      }
      await overlay.clock.advance(10_000);
      await write(`record ${event}`, `event ${event}`);
      expect(await unreachable(overlay, records, 5)).toEqual([]);
    }
    stopped?.host.continue();
    await overlay.clock.advance(30_000);
    expect(overlay.isRing()).toBe(true);
    expect(await unreachable(overlay, records)).toEqual([]);
    expect(copies(overlay)).toBe(3 * records.size);
  });
});
