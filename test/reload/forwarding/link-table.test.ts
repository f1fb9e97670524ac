import { describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { LinkTable } from '#reload/forwarding/link-table.ts';
import type { Link, LinkFault, LinkObserver } from '#reload/link/link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

const id = (digit: string) => digit.repeat(32) as NodeId;

class FakeLink implements Link {
  readonly peer = { fingerprint: 'f' } as Certificate;
  readonly remoteAddress = 'fake';
  nodeId: NodeId | undefined;
  open = true;
  observer: LinkObserver | undefined;

  constructor(nodeId: NodeId | undefined) {
    this.nodeId = nodeId;
  }

  bind(nodeId: NodeId): void {
    this.nodeId = nodeId;
  }

  observe(observer: LinkObserver): void {
    this.observer = observer;
    if (!this.open) observer.closed(closed());
  }

  send(): void {}

  close(reason = closed()): void {
    if (!this.open) return;
    this.open = false;
    this.observer?.closed(reason);
  }
}

function closed(): Failure<LinkFault> {
  return new Failure<LinkFault>({ code: 'closed' }, 'closed');
}

function setup(self = id('5'), maxNodes = 1024) {
  const clock = new VirtualClock();
  const received: [Link, string][] = [];
  const events: string[] = [];
  const table = new LinkTable(
    {
      clock,
      random: new SeededRandom('links'),
      log: silentLogger,
      receive: (link, bytes) => received.push([link, String(bytes)]),
    },
    { nodeId: self, maxNodes },
  );
  table.observe({
    up: (nodeId) => events.push(`up ${nodeId[0]}`),
    down: (nodeId, reason) => events.push(`down ${nodeId[0]} ${reason.code}`),
    suspect: (nodeId, suspected) => events.push(`${suspected ? 'suspect' : 'fine'} ${nodeId[0]}`),
  });
  const add = (nodeId: NodeId | undefined) => {
    const link = new FakeLink(nodeId);
    table.add(link);
    return link;
  };
  return { clock, table, events, received, add };
}

describe('the table of links', () => {
  it('knows the linked nodes, hands up what they send, and tells when they come and go', () => {
    const { table, events, received, add } = setup();
    const link = add(id('a'));
    expect(table.get(id('a'))).toBe(link);
    expect(table.nodes()).toEqual([id('a')]);
    link.observer?.message(Uint8Array.of(1));
    expect(received).toEqual([[link, '1']]);
    link.close();
    expect(table.get(id('a'))).toBeUndefined();
    expect(table.nodes()).toEqual([]);
    expect(events).toEqual(['up a', 'down a closed']);
  });

  it('closes the links of a node it is to forget, and all of them at the end', () => {
    const { table, events, add } = setup();
    const [first, second, unbound] = [add(id('a')), add(id('b')), add(undefined)];
    table.remove(id('a'), new Failure<LinkFault>({ code: 'timeout' }, 'gone'));
    expect([first.open, second.open]).toEqual([false, true]);
    table.close();
    expect([second.open, unbound.open]).toEqual([false, false]);
    expect(events).toEqual(['up a', 'up b', 'down a timeout', 'down b closed']);
  });

  it('R6940-6.6-05 tells about suspicion and recovery', () => {
    const { table, events, add } = setup();
    const link = add(id('a'));
    link.observer?.suspect(true);
    expect(table.isSuspect(id('a'))).toBe(true);
    expect(table.get(id('a'))).toBe(link);
    link.observer?.suspect(false);
    expect(events).toEqual(['up a', 'suspect a', 'fine a']);
  });

  it('refuses more nodes than its limit', () => {
    const { events, add } = setup(id('5'), 2);
    add(id('a'));
    add(id('b'));
    const third = add(id('c'));
    expect(third.open).toBe(false);
    expect(events).toEqual(['up a', 'up b']);
  });

  describe('with two links to one node', () => {
    it('keeps using the older one, and the side with the larger Node-ID closes it a little later', async () => {
      const { clock, table, events, add } = setup(id('5'));
      const [older, newer] = [add(id('1')), add(id('1'))];
      expect(table.get(id('1'))).toBe(older);
      await clock.advance(5000);
      expect([older.open, newer.open]).toEqual([false, true]);
      expect(table.get(id('1'))).toBe(newer);
      expect(events).toEqual(['up 1']);
    });

    it('leaves the choice to the other side when that has the larger Node-ID', async () => {
      const { clock, table, events, add } = setup(id('5'));
      const [older, newer] = [add(id('9')), add(id('9'))];
      await clock.advance(60_000);
      expect([older.open, newer.open]).toEqual([true, true]);
      older.close();
      expect(table.get(id('9'))).toBe(newer);
      expect(events).toEqual(['up 9']);
    });

    it('uses the newer one at once when the older does not answer', () => {
      const { table, events, add } = setup();
      const older = add(id('a'));
      older.observer?.suspect(true);
      const newer = add(id('a'));
      expect(table.get(id('a'))).toBe(newer);
      expect(events).toEqual(['up a', 'suspect a', 'fine a']);
      newer.close();
      expect(table.get(id('a'))).toBe(older);
      expect(events.at(-1)).toBe('suspect a');
    });

    it('keeps two at most', () => {
      const { table, add } = setup();
      const [first, second, third] = [add(id('9')), add(id('9')), add(id('9'))];
      expect([first.open, second.open, third.open]).toEqual([false, true, true]);
      expect(table.get(id('9'))).toBe(second);
    });
  });

  describe('with links whose Node-ID is not known', () => {
    it('R6940-6.3.2.2-06 gives them opaque ids of two bytes', () => {
      const { table, events, add } = setup();
      const link = add(undefined);
      const opaque = table.opaqueIdOf(link)!;
      expect(opaque.length).toBe(2);
      expect(opaque[0]! & 0x80).toBe(0x80);
      expect(table.byOpaqueId(opaque)).toBe(link);
      table.bind(link, id('a'));
      expect(table.get(id('a'))).toBe(link);
      // Answers that set out before still find it.
      expect(table.byOpaqueId(opaque)).toBe(link);
      link.close();
      expect(table.byOpaqueId(opaque)).toBeUndefined();
      expect(events).toEqual(['up a', 'down a closed']);
    });

    it('R6940-6.3.2.2-06 R6940-6.3.2.2-08 R6940-6.3.2.2-09 reuses slots in rotation, each time under the next generation, and an old id never leads to the new link', () => {
      const { table, add } = setup();
      const number = (opaque: Uint8Array) => (opaque[0]! << 8) | opaque[1]!;
      const first = add(undefined);
      const ids = [table.opaqueIdOf(first)!];
      first.close();
      for (let turn = 1; turn <= 9; turn++) {
        const between = new Set<number>();
        for (let i = 0; i < 1023; i++) {
          const other = add(undefined);
          between.add(number(table.opaqueIdOf(other)!) >> 3);
          other.close();
        }
        expect(between.size).toBe(1023);
        const next = add(undefined);
        const opaque = table.opaqueIdOf(next)!;
        const [before, now] = [number(ids.at(-1)!), number(opaque)];
        expect(now >> 3).toBe(before >> 3);
        expect(now & 7).toBe(((before & 7) + 1) & 7);
        expect(table.byOpaqueId(opaque)).toBe(next);
        for (const old of ids.slice(-7)) expect(table.byOpaqueId(old)).toBeUndefined();
        ids.push(opaque);
        next.close();
      }
      expect(table.byOpaqueId(new Uint8Array(3))).toBeUndefined();
    });

    it('R6940-6.3.2.2-07 begins the generations at random', () => {
      const generations = new Set<number>();
      for (let seed = 0; seed < 20; seed++) {
        const random = new SeededRandom(String(seed));
        const table = new LinkTable(
          { clock: new VirtualClock(), random, log: silentLogger, receive: () => {} },
          { nodeId: id('5') },
        );
        const link = new FakeLink(undefined);
        table.add(link);
        generations.add(table.opaqueIdOf(link)![1]! & 7);
      }
      expect(generations.size).toBeGreaterThan(2);
    });

    it('refuses more than its limit', () => {
      const { add } = setup();
      const links = Array.from({ length: 1025 }, () => add(undefined));
      expect(links.filter((link) => link.open)).toHaveLength(1024);
    });
  });
});
