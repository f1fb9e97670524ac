import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { tomlModulesForEsbuild } from '../../toml-modules.mjs';
import type { PeerAnswer, PeerOrder } from './peer-orders.ts';

/** One peer in a process of its own, which obeys orders of one kind. */
export class PeerProcess<Order extends object = PeerOrder> {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #next = 0;

  constructor(program: string) {
    this.#child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', ({ id, result, error }: PeerAnswer & { id: number }) => {
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (error === undefined) pending?.resolve(result);
      else pending?.reject(new Error(error));
    });
    this.#child.on('exit', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the process has ended'));
    });
  }

  ask<T>(order: Order): Promise<T> {
    const id = this.#next++;
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(id, { resolve: (result) => resolve(result as T), reject });
      this.#child.send({ id, ...order });
    });
  }

  signal(name: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(name);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }
}

/** Bundles the program once, since Node 20 does not run TypeScript. It lies in the package, where its dependencies are found. */
export async function buildPeerProgram(
  entry: URL = new URL('peer-process.ts', import.meta.url),
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const directory = await mkdtemp(join(root, 'node_modules', '.peer-process-'));
  const path = join(directory, 'peer.mjs');
  await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    plugins: [tomlModulesForEsbuild()],
    outfile: path,
    logLevel: 'error',
  });
  return { path, remove: () => rm(directory, { recursive: true }) };
}

export async function temporaryDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'copperring-peer-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
