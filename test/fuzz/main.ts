import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '#platform/failure.ts';
import { CRASHES, readCrash } from './crash-files.ts';
import { fuzz, newTally, replay, type Tally } from './fuzz.ts';
import { ringTarget } from './ring/target.ts';
import type { Target } from './target.ts';
import { allTargets, parserTargets, targetNamed } from './targets/all.ts';

const USAGE = `usage: npm run fuzz -- [--minutes M] [--seed S] [--target NAME] [--replay FILE]
  --minutes M    how long in all (1)
  --seed S       decides every input (1)
  --target NAME  only targets whose name begins so, for example wire, sip, ring; "parsers" is all but the ring
  --replay FILE  one crash file of ${CRASHES} again`;

/** Each target gets its time in this many turns, so that a run that is broken off has seen all of them. */
const TURNS = 4;
const MAX_SLICE_MS = 5000;
const PROGRESS_MS = 10_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      target: { type: 'string', default: '' },
      replay: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE, 0);
  if (values.replay !== undefined) return replayFile(values.replay);
  const minutes = Number(values.minutes);
  if (!(minutes > 0 && minutes <= 10_000)) return say(`--minutes ${values.minutes} is no time\n${USAGE}`, 2);
  const targets = await chosen(values.target);
  if (targets.length === 0) return say(`no target begins with ${values.target}\n${USAGE}`, 2);
  const tallies = await run(targets, minutes * 60_000, values.seed);
  return report(tallies, { minutes, seed: values.seed });
}

async function chosen(prefix: string): Promise<readonly Target[]> {
  if (prefix === 'parsers') return parserTargets();
  const all = prefix === 'ring' ? [await ringTarget()] : await allTargets();
  return all.filter(({ name }) => name.startsWith(prefix));
}

async function run(targets: readonly Target[], ms: number, seed: string): Promise<readonly Tally[]> {
  const tallies = targets.map(newTally);
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  const slice = Math.min(MAX_SLICE_MS, ms / TURNS / shares);
  const end = performance.now() + ms;
  let told = performance.now();
  while (performance.now() < end) {
    for (const [i, target] of targets.entries()) {
      const tally = tallies[i];
      if (tally === undefined || performance.now() >= end) break;
      const until = Math.min(end, performance.now() + slice * target.share);
      await fuzz(target, tally, () => performance.now() >= until, { seed, crashes: CRASHES });
      if (performance.now() - told > PROGRESS_MS) {
        told = performance.now();
        console.error(progress(tallies, (end - told) / 1000));
      }
    }
  }
  return tallies;
}

function progress(tallies: readonly Tally[], secondsLeft: number): string {
  const inputs = tallies.reduce((sum, tally) => sum + tally.inputs, 0);
  const crashes = tallies.reduce((sum, tally) => sum + tally.crashes.size, 0);
  return `${inputs} inputs, ${crashes} crashes, ${Math.ceil(secondsLeft)} s left`;
}

function report(tallies: readonly Tally[], run: { readonly minutes: number; readonly seed: string }): number {
  const width = Math.max(...tallies.map(({ target }) => target.length));
  for (const { target, inputs, accepted, refused, crashes } of tallies) {
    const row = [inputs, accepted, refused, crashes.size].map((count) => String(count).padStart(9)).join('');
    console.log(`${target.padEnd(width)}${row}`);
  }
  console.log(`${''.padEnd(width)}   inputs accepted  refused  crashes`);
  console.log(`seed ${run.seed}`);
  for (const { crashes } of tallies) for (const crash of crashes.values()) console.log(`\n${crash}`);
  mkdirSync('test-results', { recursive: true });
  writeFileSync('test-results/fuzz.json', JSON.stringify(asSuite(tallies, run)));
  return tallies.some(({ crashes }) => crashes.size > 0) ? 1 : 0;
}

/** The same form as the test runner's reports, so that one summary counts all. */
function asSuite(tallies: readonly Tally[], { minutes, seed }: { readonly minutes: number; readonly seed: string }) {
  const assertionResults = tallies.map(({ target, inputs, crashes }) => ({
    ancestorTitles: [`fuzz for ${minutes} minutes with seed ${seed}`],
    title: `${target} keeps its promises`,
    status: crashes.size === 0 && inputs > 0 ? 'passed' : 'failed',
  }));
  return { testResults: [{ name: 'test/fuzz/main.ts', status: 'passed', assertionResults }] };
}

async function replayFile(path: string): Promise<number> {
  const crash = readCrash(path);
  const target = await targetNamed(crash.target);
  if (target === undefined) return say(`${path}: there is no target ${crash.target} any more`, 2);
  const verdict = await replay(target, crash);
  if (verdict.outcome !== 'crash') return say(`${path}: ${verdict.outcome}, all promises kept`, 0);
  return say(`${path}: ${verdict.why}\n${verdict.detail}`, 1);
}

function say(text: string, code: number): number {
  console.log(text);
  return code;
}

// Timers of nodes do not keep a process alive, and memory links have no sockets that would; services that were fuzzed do.
setInterval(() => {}, 1000);
main().then(
  (code) => process.exit(code),
  (thrown: unknown) => {
    console.error(messageOf(thrown));
    process.exit(2);
  },
);
