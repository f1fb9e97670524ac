import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Failure } from '#platform/failure.ts';

/** One line that a child printed: an event as JSON, or `{ event: 'line', text }`. */
export interface ChildEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

export type ChildFault =
  | { readonly code: 'exited'; readonly status: number | null }
  | { readonly code: 'no-event'; readonly waitedMs: number };

interface Waiter {
  readonly matches: (event: ChildEvent) => boolean;
  readonly resolve: (event: ChildEvent) => void;
  readonly reject: (reason: Error) => void;
}

/** How many lines of standard error are kept for the report of a failure. */
const KEPT_ERROR_LINES = 30;

/** A process of the demo. It speaks JSON lines on standard output and hears them on standard input; it is awaited by events only. */
export class Child {
  readonly name: string;
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #events: ChildEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #errorLines: string[] = [];
  #status: number | null | undefined;

  /** Standard error goes to the file `log` as well, when one is given. */
  constructor(
    name: string,
    command: string,
    args: readonly string[],
    options: { readonly environment?: Readonly<Record<string, string>>; readonly log?: string } = {},
  ) {
    this.name = name;
    this.#process = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => this.#end(resolve, null, error.message));
      this.#process.once('close', (status) => this.#end(resolve, status, `exit status ${status}`));
    });
    if (this.#process.stdout) createInterface({ input: this.#process.stdout }).on('line', (line) => this.#heard(line));
    if (this.#process.stderr)
      createInterface({ input: this.#process.stderr }).on('line', (line) => this.#complained(line));
    if (options.log !== undefined) this.#process.stderr?.pipe(createWriteStream(options.log, { flags: 'a' }));
    this.#process.stdin?.on('error', () => {});
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The first event, past ones from `since` on included, that matches. Rejects with `Failure<ChildFault>`. */
  event(what: string | ((event: ChildEvent) => boolean), timeoutMs: number, since = 0): Promise<ChildEvent> {
    const matches = typeof what === 'string' ? (event: ChildEvent) => event.event === what : what;
    const past = this.#events.slice(since).find(matches);
    if (past) return Promise.resolve(past);
    if (this.#status !== undefined)
      return Promise.reject(this.#failure({ code: 'exited', status: this.#status }, 'has ended'));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const wanted = typeof what === 'string' ? `"${what}"` : 'the awaited event';
        reject(
          this.#failure({ code: 'no-event', waitedMs: timeoutMs }, `did not report ${wanted} within ${timeoutMs} ms`),
        );
      }, timeoutMs);
      const waiter: Waiter = {
        matches,
        resolve: (event) => {
          clearTimeout(timer);
          resolve(event);
        },
        reject: (reason) => {
          clearTimeout(timer);
          reject(reason);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  /** Resolves when a line with `text` came on standard output or standard error, in the past too. Rejects with `Failure<ChildFault>`. */
  async printed(text: string, timeoutMs: number): Promise<void> {
    await this.event((event) => event.event === 'line' && String(event.text).includes(text), timeoutMs);
  }

  /** Place in the stream of events, to be passed as `since`. */
  get mark(): number {
    return this.#events.length;
  }

  send(command: object): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#status === undefined) this.#process.kill(signal);
  }

  /** Asks the process to end and kills it after `graceMs`. Resolves when it is gone. */
  async stop(graceMs = 5000): Promise<void> {
    this.signal('SIGCONT');
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  #heard(line: string): void {
    const event = parseEvent(line);
    this.#events.push(event);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(event)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(event);
    }
  }

  #complained(line: string): void {
    this.#heard(line);
    this.#errorLines.push(line);
    if (this.#errorLines.length > KEPT_ERROR_LINES) this.#errorLines.shift();
  }

  #end(resolve: (status: number | null) => void, status: number | null, what: string): void {
    if (this.#status !== undefined) return;
    this.#status = status;
    resolve(status);
    for (const waiter of this.#waiters) waiter.reject(this.#failure({ code: 'exited', status }, `ended (${what})`));
    this.#waiters.clear();
  }

  #failure(fault: ChildFault, what: string): Failure<ChildFault> {
    const said = this.#errorLines.length > 0 ? `; it last said:\n  ${this.#errorLines.join('\n  ')}` : '';
    return new Failure(fault, `${this.name} ${what}${said}`);
  }
}

/** Text that is no event becomes one named `line`. */
function parseEvent(line: string): ChildEvent {
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null && 'event' in parsed && typeof parsed.event === 'string')
      return { ...parsed, event: parsed.event };
  } catch {
    // Plain text.
  }
  return { event: 'line', text: line };
}
