/** Runs the rounds of kill -9: `npm run test:durability -- --rounds N --seed S`. ROUNDS and SEED in the environment do as well. */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' } } });
const rounds = values.rounds ?? process.env.ROUNDS ?? '200';
const seed = values.seed ?? process.env.SEED ?? String(Math.floor(Math.random() * 2 ** 32));
if (!/^[1-9]\d{0,4}$/.test(rounds)) {
  console.error(`--rounds ${rounds}: want a number from 1 to 99999`);
  process.exit(2);
}
const reporters = ['--reporter=default', '--reporter=json', '--outputFile.json=test-results/durability.json'];
const { status } = spawnSync('npx', ['vitest', 'run', '--project', 'durability', ...reporters], {
  stdio: 'inherit',
  env: { ...process.env, ROUNDS: rounds, SEED: seed },
});
process.exitCode = status ?? 1;
