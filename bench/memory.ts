import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { round } from './measure.ts';

const SETTLE_MS = 6000;
/** A process that only loads a package does nothing afterwards. */
const LOAD_MS = 1500;
/** Packages whose share is shown; each is loaded by a Node process of its own. */
const PACKAGES = [
  'lmdb',
  'serialport',
  'pino',
  'commander',
  'zod/mini',
  'smol-toml',
  'saxes',
  '@peculiar/x509',
  'mqtt',
];

export interface MemoryResult {
  /** Resident set in MB. */
  readonly bareNode: number;
  readonly gateway: number;
  readonly ratio: number;
  /** What loading each package alone adds to bare Node, in MB. */
  readonly packages: Readonly<Record<string, number>>;
}

/** The resident set of a gateway that joined with the emulated line, beside bare Node's, both idle for a while. */
export async function benchMemory(): Promise<MemoryResult> {
  const bareNode = await residentAfter(['-e', idle('')], LOAD_MS);
  const added = PACKAGES.map(async (name) => {
    const load = name === '@peculiar/x509' ? "await import('reflect-metadata');" : '';
    const args = ['--input-type=module', '-e', idle(`${load}await import('${name}');`)];
    return [name, round((await residentAfter(args, LOAD_MS)) - bareNode)] as const;
  });
  const packages = Object.fromEntries(await Promise.all(added));
  const gateway = await residentOfGateway();
  return { bareNode: round(bareNode), gateway: round(gateway), ratio: round(gateway / bareNode, 2), packages };
}

function idle(load: string): string {
  return `${load}console.log('{"event":"joined"}');setInterval(() => {}, 1000);`;
}

async function residentOfGateway(): Promise<number> {
  const state = mkdtempSync(join(tmpdir(), 'copperring-bench-'));
  try {
    return await residentAfter(['dist/copperring.mjs', 'run', '--json-events'], SETTLE_MS, { COPPERRING_STATE: state });
  } finally {
    rmSync(state, { recursive: true, force: true });
  }
}

async function residentAfter(
  args: readonly string[],
  idleMs: number,
  environment: Record<string, string> = {},
): Promise<number> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    for await (const line of createInterface({ input: child.stdout }))
      if (/"event":"(joined|published)"/.test(line)) break;
    await new Promise((resolve) => setTimeout(resolve, idleMs));
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1024;
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}
