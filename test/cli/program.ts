import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const program = resolve('dist/copperring.mjs');

export interface Outcome {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

export interface StartOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Standard input; `'open'` leaves it open, as a terminal is. */
  readonly input?: string;
}

/** The built program, started as a user does; its lines are awaited one after the other. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  errors = '';
  readonly #closed: Promise<number | null>;
  #wake: () => void = () => {};
  #over = false;

  constructor(args: readonly string[], { environment = {}, input }: StartOptions = {}) {
    this.child = spawn(process.execPath, [program, ...args], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => {});
    if (input !== 'open') this.child.stdin?.end(input);
    this.child.stderr?.on('data', (bytes) => {
      this.errors += bytes;
    });
    if (this.child.stdout) {
      createInterface({ input: this.child.stdout }).on('line', (line) => {
        this.lines.push(line);
        this.#wake();
      });
    }
    this.#closed = once(this.child, 'close').then(([status]) => {
      this.#over = true;
      this.#wake();
      return status;
    });
  }

  /** The first line that matches, past ones from `since` on included. */
  async line(pattern: RegExp, since = 0): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines.slice(since)) {
        const found = pattern.exec(line);
        if (found) return found;
      }
      if (this.#over) throw new Error(`it ended without ${pattern}: ${this.lines.join('\n')}\n${this.errors}`);
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }

  /** An event of `--json-events`. */
  async event(name: string): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse((await this.line(new RegExp(`^\\{"event":"${name}".*$`)))[0]);
  }

  async outcome(): Promise<Outcome> {
    const status = await this.#closed;
    return { status, output: this.lines.join('\n'), errors: this.errors };
  }

  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Outcome> {
    if (!this.#over) this.child.kill(signal);
    return this.outcome();
  }
}

/** Runs one command to its end. */
export function runToEnd(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  return new Program(args, options).outcome();
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
