import { describe, expect, it } from 'vitest';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { nodeDestination } from '#reload/wire/destination.ts';
import { documentOf } from '../overlay-config/documents.ts';
import { at, createBench, neighbors } from './bench.ts';

/** Longer than changes are gathered for one Update. */
const SETTLE = 2000;
const quiet = { livenessInterval: 1e9 };

/** A peer at 0x80 of the ring whose neighbours are as given, and which nothing is on its way to. */
async function member(parts: readonly number[], configuration: Partial<OverlayConfiguration> = {}) {
  const bench = await createBench(0x80, { configuration, timers: quiet });
  bench.chord.found();
  const peers = [];
  for (const part of parts) peers.push(await bench.peer(part));
  await bench.net.clock.advance(SETTLE);
  bench.updates.length = 0;
  bench.attaches.length = 0;
  const told = () => bench.updates.map(({ by }) => by).sort();
  return Object.assign(bench, { peers, told });
}

const SIX = [0x60, 0x70, 0x78, 0x90, 0xa0, 0xb0] as const;

describe('a linked node that has not said by an Update that it is a peer', () => {
  it('R6940-6.5.1-03 R6940-3-04 R6940-10.3-01 R6940-10.5-03 gets what is addressed to it, and is routed through to others only afterwards', async () => {
    const { net, chord, self, node, tell } = await member([0x20, 0xc0]);
    const client = await node(0xa0);
    // It stands nearest before the target, and nearest after it.
    expect(chord.nextHop(at(0xa8))).toBe(at(0xc0));
    expect(chord.nextHop(at(0x98))).toBe(at(0xc0));
    const before = client.delivered.length;
    const ping = (id: ReturnType<typeof at>) =>
      self.messenger.request({ destination: [nodeDestination(id)], code: 23, body: new Uint8Array(2), timeoutMs: 100 });
    expect((await net.clock.run(ping(client.nodeId))).signatory.nodeId).toBe(client.nodeId);
    expect(client.delivered.length).toBe(before + 1);

    await tell(client, { uptime: 1, type: 'peer_ready' });
    expect(chord.nextHop(at(0xa8))).toBe(client.nodeId);
  });
});

describe('an Update that a peer receives', () => {
  it('R6940-10.7.3-01 R6940-10.6-01 R6940-10.7.3-02 makes it attach to the closer neighbour named, through the sender; who is not reached is not entered', async () => {
    const { net, chord, tell, peers, attaches, stranger } = await member(SIX);
    const informant = peers[3]!;
    const before = chord.status().successors;
    await tell(informant, neighbors([0x80, 0x78, 0x70], [0x98, 0xa0, 0xb0]));
    const attempts = () => attaches.filter(({ destination }) => destination.at(-1)?.type === 'node');
    expect(attempts()).toEqual([
      { destination: [nodeDestination(at(0x90)), nodeDestination(at(0x98))], firstHop: at(0x90), sendUpdate: true },
    ]);
    await net.clock.advance(500);
    expect(chord.status().successors).toEqual(before);

    await stranger(0x94);
    await tell(informant, neighbors([0x80, 0x78, 0x70], [0x94, 0xa0, 0xb0]));
    await net.clock.advance(500);
    expect(attempts().at(-1)?.destination).toEqual([nodeDestination(at(0x90)), nodeDestination(at(0x94))]);
    expect(chord.status().successors).toEqual([at(0x90), at(0x94), at(0xa0)]);
  });

  it('R6940-10.7.3-04 is followed by one Update on each connection when it changed the neighbours, once the Attaches are done; by none when not', async () => {
    const { net, tell, peers, told, updates, node, peer, stranger } = await member(SIX);
    const client = await node(0x10);
    const found = await stranger(0x98);
    await tell(peers[3]!, neighbors([0x80, 0x78, 0x70], [0x98, 0xa0, 0xb0]));
    await net.clock.advance(SETTLE);
    expect(told()).toEqual([...peers, client, found].map(({ nodeId }) => nodeId).sort());
    for (const { update } of updates) {
      if (update.type === 'neighbors') expect(update.successors).toEqual([at(0x90), at(0x98), at(0xa0)]);
    }
    updates.length = 0;
    await tell(peers[3]!, neighbors([0x80, 0x78, 0x70], [0x98, 0xa0, 0xb0], 99));
    await net.clock.advance(SETTLE);
    expect(told()).toEqual([]);
    // A new peer far away learns that this is one; nobody else hears anything.
    await peer(0x18);
    await net.clock.advance(SETTLE);
    expect(told()).toEqual([at(0x18)]);
  });
});

describe('the Update that is sent', () => {
  it('R6940-10.7-02 is peer_ready for peers far away, neighbors for neighbours, and full, with ascending fingers, for who asked for it', async () => {
    const { net, chord, updates, peer, node } = await member(SIX);
    const typesFor = (part: number) => updates.filter(({ by }) => by === at(part)).map(({ update }) => update.type);
    await peer(0xd0);
    await peer(0x18);
    await net.clock.advance(SETTLE);
    expect([typesFor(0xd0), typesFor(0x18), typesFor(0x90)]).toEqual([['peer_ready'], ['peer_ready'], []]);
    await peer(0x98);
    await net.clock.advance(SETTLE);
    expect([typesFor(0x90), typesFor(0x98), typesFor(0xd0)]).toEqual([['neighbors'], ['neighbors'], ['peer_ready']]);
    const asker = await node(0x88);
    chord.attached(asker.nodeId, true);
    await net.clock.advance(100);
    const update = updates.find(({ by }) => by === asker.nodeId)?.update;
    expect(update?.type === 'full' && update.fingers).toEqual([0x18, 0x90, 0xa0, 0xd0].map(at));
  });
});

describe('a change of the own range', () => {
  it.each([true, false])(
    'R6940-6.4.1-03 R6940-6.4.1-02 R6940-10.7.3-09 is told to every connection by one Update (chord-reactive %s)',
    async (chordReactive) => {
      const { net, peers, told, updates, node, peer } = await member([0x10, ...SIX], { chordReactive });
      const client = await node(0x30);
      const nearer = await peer(0x7c);
      await net.clock.advance(SETTLE);
      expect(told()).toEqual([...peers, client, nearer].map(({ nodeId }) => nodeId).sort());
      const seen = updates.find(({ by }) => by === client.nodeId)?.update;
      expect(seen?.type === 'neighbors' && seen.predecessors[0]).toBe(at(0x7c));
    },
  );

  it.each([true, false])(
    'R6940-10.7.1-04 by the loss of the predecessor is told to every connection, clients and far peers as well (chord-reactive %s)',
    async (chordReactive) => {
      const { net, self, peers, told, updates, node } = await member([0x10, 0x50, ...SIX], { chordReactive });
      const client = await node(0x30);
      self.links.remove(at(0x78));
      await net.clock.advance(SETTLE);
      const linked = [...peers, client].map(({ nodeId }) => nodeId).filter((id) => id !== at(0x78));
      expect(told()).toEqual(linked.sort());
      const seen = updates.filter(({ by }) => by === client.nodeId).map(({ update }) => update);
      expect(seen.map((update) => update.type === 'neighbors' && update.predecessors)).toEqual([
        [at(0x70), at(0x60), at(0x50)],
      ]);
    },
  );
});

describe('chord-reactive', () => {
  const documents = {
    absent: '',
    true: '<chord:chord-reactive>true</chord:chord-reactive>',
    false: '<chord:chord-reactive>false</chord:chord-reactive>',
  };
  it.each([
    ['absent', true],
    ['true', true],
    ['false', false],
  ] as const)('R6940-11.1-22 %s: whether the loss of a successor is told at once is %s', async (value, isReactive) => {
    const { chordReactive } = readDocument(documentOf(documents[value]), undefined).configuration;
    const { net, self, told, peers } = await member(SIX, { chordReactive });
    self.links.remove(at(0x90));
    await net.clock.advance(SETTLE);
    const others = peers.map(({ nodeId }) => nodeId).filter((id) => id !== at(0x90));
    expect(told()).toEqual(isReactive ? others : []);
  });

  it('false still has the periodic Updates repair the neighbours', async () => {
    const { net, self, told } = await member(SIX, { chordReactive: false, chordUpdateInterval: 100 });
    self.links.remove(at(0x90));
    await net.clock.advance(200_000);
    expect(new Set(told())).toEqual(new Set([0x60, 0x70, 0x78, 0xa0, 0xb0].map(at)));
  });
});

describe('the periodic Update', () => {
  it.each([
    ['absent', 600, ''],
    ['400', 400, '<chord:chord-update-interval>400</chord:chord-update-interval>'],
  ])(
    'R6940-10.7.4.1-02 chord-update-interval %s: is sent to a neighbour about every %s s',
    async (_, seconds, content) => {
      const { chordUpdateInterval } = readDocument(documentOf(content), undefined).configuration;
      const { net, updates } = await member([0x40, 0xc0], { chordUpdateInterval });
      await net.clock.advance(24_000_000);
      const count = updates.filter(({ by }) => by === at(0x40)).length;
      expect(24_000 / count).toBeGreaterThan(0.8 * seconds);
      expect(24_000 / count).toBeLessThan(1.2 * seconds);
    },
  );
});

describe('an Attach that asks for an Update', () => {
  it('R6940-6.4.2.3-01 is followed by a full one over the new link, though the requester has not joined; without the flag there is a short one', async () => {
    const { net, chord, node, updates } = await member(SIX);
    const [joiner, other] = [await node(0x88), await node(0x8c)];
    chord.attached(joiner.nodeId, true);
    chord.attached(other.nodeId, false);
    await net.clock.advance(100);
    const typeFor = (id: string) => updates.filter(({ by }) => by === id).map(({ update }) => update.type);
    expect(typeFor(joiner.nodeId)).toEqual(['full']);
    expect(typeFor(other.nodeId)).toEqual(['neighbors']);
  });
});
