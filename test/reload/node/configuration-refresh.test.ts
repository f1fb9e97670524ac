import { describe, expect, it } from 'vitest';
import { Failure } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { ConfigurationRefresh } from '#reload/node/configuration-refresh.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

function refresh(seed: string, expiration: number | undefined, clock = new VirtualClock(TEST_EPOCH)) {
  const first = newConfiguration({ instanceName: 'home.example', rootCerts: [], configurationSigners: [], expiration });
  const configuration = new CurrentConfiguration({ configuration: first, document: new Uint8Array() });
  const looks: number[] = [];
  const adopted: string[] = [];
  const server: { answer: string | Error | undefined } = { answer: undefined };
  const replace = (changes: Partial<typeof first>) =>
    configuration.replace({ configuration: { ...first, ...changes }, document: new Uint8Array() });
  const refreshing = new ConfigurationRefresh({
    configuration,
    clock,
    random: new SeededRandom(seed),
    log: silentLogger,
    async fetch() {
      looks.push(clock.now() - TEST_EPOCH);
      if (server.answer instanceof Error) throw server.answer;
      return server.answer === undefined ? undefined : Buffer.from(server.answer);
    },
    adopt(document) {
      adopted.push(Buffer.from(document).toString());
      replace({ sequence: 1, expiration: TEST_EPOCH + 60 * DAY });
    },
  });
  refreshing.start();
  return { clock, looks, adopted, server, replace, refresh: refreshing };
}

describe('a document that expires', () => {
  it('R6940-11.1-06 is fetched anew before that, at a time each node draws for itself', async () => {
    const first: number[] = [];
    for (let i = 0; i < 20; i++) {
      const node = refresh(`node ${i}`, TEST_EPOCH + 30 * DAY);
      node.server.answer = 'newer';
      await node.clock.advance(30 * DAY);
      expect(node.adopted).toEqual(['newer']);
      first.push(node.looks[0] ?? Number.NaN);
      node.refresh.stop();
    }
    expect(Math.min(...first)).toBeGreaterThanOrEqual(15 * DAY);
    expect(Math.max(...first)).toBeLessThan(30 * DAY);
    expect(new Set(first).size).toBe(20);
    expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(7 * DAY);
  });

  it('is asked for again while there is none newer, every ten minutes', async () => {
    const node = refresh('again', TEST_EPOCH + 4 * HOUR);
    node.server.answer = new Failure({ code: 'unreachable' }, 'nobody there');
    await node.clock.advance(4 * HOUR);
    const gaps = node.looks.slice(1).map((at, i) => at - (node.looks[i] ?? 0));
    expect(gaps.length).toBeGreaterThan(1);
    expect(new Set(gaps)).toEqual(new Set([600_000]));
    node.server.answer = 'newer';
    await node.clock.advance(HOUR);
    expect(node.adopted).toEqual(['newer']);
  });

  it('is not put off by changes of the document that leave its end where it is', async () => {
    const node = refresh('changes', TEST_EPOCH + 10 * DAY);
    for (let day = 0; day < 9; day++) {
      node.replace({ sequence: day });
      await node.clock.advance(DAY);
    }
    await node.clock.advance(DAY);
    expect(node.looks.length).toBeGreaterThan(0);
  });

  it('is left alone when it never expires, and after the node has stopped', async () => {
    const endless = refresh('endless', undefined);
    await endless.clock.advance(400 * DAY);
    expect(endless.looks).toEqual([]);
    const stopped = refresh('stopped', TEST_EPOCH + DAY);
    stopped.refresh.stop();
    stopped.refresh.soon();
    await stopped.clock.advance(2 * DAY);
    expect(stopped.looks).toEqual([]);
  });
});

describe('a document known to be behind', () => {
  it('is fetched at once, and whoever says so again and again makes it look but once in ten minutes', async () => {
    const node = refresh('behind', undefined);
    for (let second = 0; second < 3600; second += 10) {
      node.refresh.soon();
      await node.clock.advance(10_000);
    }
    expect(node.looks).toEqual([0, 1, 2, 3, 4, 5, 6].map((tens) => tens * 600_000));
  });
});
