import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../simulation/seeded-random.ts';
import { Cluster } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { playRound } from './rounds.ts';
import { Watermarks } from './watermarks.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 20);
const SEED = process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 32));
const PEERS = 5;

async function play(rounds: number, seed: string, options: { readonly answersEarly?: boolean } = {}) {
  const cluster = await Cluster.start(PEERS, options);
  const random = new SeededRandom(seed);
  const ledger = new Ledger();
  const watermarks = new Watermarks();
  const faults: string[] = [];
  try {
    for (let round = 0; round < rounds && faults.length === 0; round++) {
      const context = { cluster, ledger, watermarks, random: random.fork(`round ${round}`) };
      const found = await playRound(context).catch((thrown: unknown) => [String(thrown)]);
      if ((round + 1) % 10 === 0) console.log(`durability: ${round + 1} of ${rounds} rounds`);
      faults.push(...found.map((fault) => `round ${round} of seed ${seed}: ${fault}`));
    }
  } finally {
    await cluster.close();
  }
  return { faults, ...ledger.counters };
}

describe('kill -9 at random moments', () => {
  it(
    'loses nothing acknowledged, damages no store and brings nothing removed back',
    async () => {
      console.log(`durability: ${ROUNDS} rounds, seed ${SEED} (repeat with ROUNDS=${ROUNDS} SEED=${SEED})`);
      const begin = performance.now();
      const { faults, begun, acknowledged, removals } = await play(ROUNDS, SEED);
      const seconds = Math.round((performance.now() - begin) / 1000);
      console.log(`durability: ${acknowledged} of ${begun} Stores acknowledged, ${removals} removals, ${seconds} s`);
      expect(faults).toEqual([]);
      expect(acknowledged).toBeGreaterThan(5 * ROUNDS);
    },
    60_000 + ROUNDS * 30_000,
  );

  it('shows a peer that answers before it commits', async () => {
    const { faults } = await play(10, 'early', { answersEarly: true });
    expect(faults.join('\n')).toMatch(/on the disk of .* was acknowledged/);
  }, 240_000);
});
