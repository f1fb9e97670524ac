import { writeFile } from 'node:fs/promises';
import { readArguments } from './arguments.ts';
import { useUncountedMemory } from './message-memory.ts';
import { reportOf } from './report.ts';
import { type Progress, Scenario } from './scenario.ts';
import { svgOf } from './svg.ts';
import { sweep, sweepSvg, sweepTable } from './sweep.ts';
import { tableOf } from './table.ts';

/** Wall-clock time between two lines of progress, in milliseconds. */
const TERMINAL_MS = 200;
const LOG_MS = 10_000;

async function main(): Promise<number> {
  const read = readArguments(process.argv.slice(2));
  if (typeof read === 'number') return read;
  const { scenario: options, json, svg, measure } = read;
  const started = performance.now();
  const progress = progressOn(process.stderr, started);
  if (read.sweep) {
    const points = await sweep(options, progress);
    console.log(json ? JSON.stringify(points) : sweepTable(points));
    if (svg !== undefined) await writeFile(svg, sweepSvg(points));
    return 0;
  }
  const scenario = await Scenario.create(options, progress);
  await scenario.run();
  const report = reportOf(scenario);
  if (measure) console.error(measurement(scenario, started));
  console.log(json ? JSON.stringify(report) : tableOf(report));
  if (svg !== undefined) await writeFile(svg, svgOf(scenario, report));
  return 0;
}

function progressOn(stream: NodeJS.WriteStream, started: number): Progress {
  let last = started;
  return (phase, done, of) => {
    const now = performance.now();
    if (now - last < (stream.isTTY ? TERMINAL_MS : LOG_MS)) return;
    last = now;
    const text = `${((now - started) / 1000).toFixed(0)} s: ${phase}: ${done} of ${of}`;
    stream.write(stream.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  };
}

/** What the run took of this machine; the report itself depends on the arguments alone. */
function measurement({ overlay, population }: Scenario, started: number): string {
  const seconds = (performance.now() - started) / 1000;
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  const each = (bytes: number) => (bytes / 2 ** 20 / population.peers.length).toFixed(3);
  return [
    `${seconds.toFixed(1)} s, of that ${((user + system) / 1e6).toFixed(1)} s of processor time; ${overlay.network.messages} messages, ${overlay.clock.fired} timers`,
    `heap ${megabytes(heapUsed)} MB and ${megabytes(external)} MB beside it, resident ${megabytes(rss)} MB: ${each(rss)} MB a peer`,
  ].join('\n');
}

// Failures are many and their stacks are read by nobody.
Error.stackTraceLimit = 0;
const { gc } = globalThis;
if (gc !== undefined) useUncountedMemory(() => gc());
process.exitCode = await main();
