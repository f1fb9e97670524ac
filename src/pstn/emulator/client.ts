import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock, Timer } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { Failure } from '#platform/failure.ts';
import type { CellularName } from '#pstn/emulator/cellular/module.ts';
import type { VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import type { EmulatorCommand, EmulatorEvent } from '#pstn/emulator/protocol.ts';

export interface LineEmulatorOptions {
  /** The program's one file; `process.argv[1]` of the running one. */
  readonly program: string;
  readonly country?: CountryCode;
  readonly modem?: VoiceModemName | CellularName;
  /** A stable name for the device. */
  readonly link?: string;
  readonly skewPpm?: number;
  readonly stallMs?: number;
}

type EmulatorFault =
  | { readonly code: 'exited'; readonly status: number | null }
  | { readonly code: 'timeout'; readonly waitedMs: number }
  | { readonly code: 'refused'; readonly command: string };

type EventOf<Name extends EmulatorEvent['event']> = Extract<EmulatorEvent, { readonly event: Name }>;

interface Waiter {
  readonly take: (event: EmulatorEvent) => boolean;
  readonly fail: (error: Error) => void;
}

const READY_MS = 20_000;
const ANSWER_MS = 10_000;
const MAX_KEPT = 10_000;

/** An emulated line in a process of its own. It ends with this process, whatever becomes of it. */
export class LineEmulator {
  readonly #clock: Clock;
  readonly #child: ChildProcess;
  readonly #events: EmulatorEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #listeners: ((event: EmulatorEvent) => void)[] = [];
  readonly #exited: Promise<void>;
  #path = '';
  #soundPath: string | undefined;
  #status: number | null | undefined;

  private constructor(clock: Clock, child: ChildProcess) {
    this.#clock = clock;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      const end = (status: number | null) => {
        this.#status = status;
        for (const waiter of this.#waiters) waiter.fail(exitFailure(status));
        this.#waiters.clear();
        resolve();
      };
      child.once('error', () => end(null));
      child.once('close', end);
    });
    child.stdin?.on('error', () => {});
    if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
  }

  /** Starts the process and resolves once its device is there. Rejects with `Failure<EmulatorFault>`. */
  static async start(deps: { readonly clock: Clock }, options: LineEmulatorOptions): Promise<LineEmulator> {
    const flags = [
      ['--country', options.country],
      ['--modem', options.modem],
      ['--link', options.link],
      ['--skew-ppm', options.skewPpm],
      ['--stall-ms', options.stallMs],
    ] as const;
    const given = flags.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag}=${value}`]));
    const child = spawn(process.execPath, [options.program, 'line-emulator', ...given], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // Not in the group that Ctrl-C ends: the line is hung up first, and then its input is closed.
      detached: true,
    });
    const emulator = new LineEmulator(deps.clock, child);
    await emulator.event('ready', { timeoutMs: READY_MS });
    return emulator;
  }

  /** The device to give to a modem driver. */
  get path(): string {
    return this.#path;
  }

  /** The device for the sound of a cellular module. */
  get soundPath(): string | undefined {
    return this.#soundPath;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Every event so far, in order. `event` can begin its search behind them. */
  get events(): readonly EmulatorEvent[] {
    return this.#events;
  }

  onEvent(listener: (event: EmulatorEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells the exchange something; resolves once it is done. Rejects with `Failure<EmulatorFault>` when it was refused. */
  async send(command: EmulatorCommand): Promise<void> {
    const since = this.#events.length;
    this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    const answer = await this.#find(
      (event) => event.event === 'refused' || (event.event === 'done' && event.command === command.command),
      since,
      ANSWER_MS,
    );
    if (answer.event !== 'refused') return;
    const fault = { code: 'refused', command: command.command } as const;
    throw new Failure<EmulatorFault>(fault, `the line emulator refused ${command.command}: ${answer.reason}`);
  }

  /** What the exchange heard in the call in progress or the last one. */
  async report(): Promise<EventOf<'report'>> {
    const since = this.#events.length;
    const [report] = await Promise.all([
      this.event('report', { since, timeoutMs: ANSWER_MS }),
      this.send({ command: 'report' }),
    ]);
    return report;
  }

  /** The first event of that name, those from the `since`th on included. Rejects with `Failure<EmulatorFault>`. */
  async event<Name extends EmulatorEvent['event']>(
    name: Name,
    options: { readonly since?: number; readonly timeoutMs: number },
  ): Promise<EventOf<Name>> {
    const isIt = (event: EmulatorEvent): event is EventOf<Name> => event.event === name;
    const found = await this.#find(isIt, options.since ?? 0, options.timeoutMs);
    if (!isIt(found)) throw new Error(`awaited ${name} and found ${found.event}`);
    return found;
  }

  /** Ends the process by closing its input. */
  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#exited;
  }

  #find(matches: (event: EmulatorEvent) => boolean, since: number, timeoutMs: number): Promise<EmulatorEvent> {
    const past = this.#events.slice(since).find(matches);
    if (past) return Promise.resolve(past);
    if (this.#status !== undefined) return Promise.reject(exitFailure(this.#status));
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = () => {
        timer?.cancel();
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        take: (event) => {
          if (!matches(event)) return false;
          settle();
          resolve(event);
          return true;
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      timer = this.#clock.after(timeoutMs, () => {
        const message = `the line emulator did not report the awaited event within ${timeoutMs} ms`;
        waiter.fail(new Failure<EmulatorFault>({ code: 'timeout', waitedMs: timeoutMs }, message));
      });
      this.#waiters.add(waiter);
    });
  }

  #hear(line: string): void {
    const event = parseEvent(line);
    if (event === undefined) return;
    if (this.#events.length < MAX_KEPT) this.#events.push(event);
    if (event.event === 'ready') {
      this.#path = event.path;
      this.#soundPath = event.soundPath;
    }
    for (const waiter of [...this.#waiters]) waiter.take(event);
    for (const listener of this.#listeners) listener(event);
  }
}

/** The child is this same program, so a line that is an object with an `event` is one of ours. */
function parseEvent(line: string): EmulatorEvent | undefined {
  try {
    const parsed: EmulatorEvent | null = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null && typeof parsed.event === 'string' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function exitFailure(status: number | null): Failure<EmulatorFault> {
  return new Failure<EmulatorFault>({ code: 'exited', status }, `the line emulator ended with status ${status}`);
}
