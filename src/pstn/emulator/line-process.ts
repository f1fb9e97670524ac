import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { readWav, wavAsMulaw, writeWav } from '#media/wav.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { commandSchema, type EmulatorEvent } from '#pstn/emulator/protocol.ts';
import { openPty, type Pty } from '#pstn/emulator/pty.ts';

export interface LineProcessOptions extends EmulatedLineOptions {
  /** A name that always leads to the device, such as /dev/serial/by-id has them; a symbolic link, made anew at each plugging in. */
  readonly link: string | undefined;
}

export interface LineProcessDeps {
  readonly clock: Clock;
  /** Commands, one JSON object a line; their end ends the emulator. */
  readonly input: Readable;
  /** Events, one JSON object a line. */
  readonly output: Writable;
}

type Command = ReturnType<typeof commandSchema.parse>;
type Saying = EmulatorEvent extends infer E ? (E extends { readonly at: number } ? Omit<E, 'at'> : never) : never;

const MAX_LINE = 65_536;

/** An emulated line as a process of its own: its device on one side, commands to the exchange on the other. Resolves when `input` ends. */
export async function runLineProcess(deps: LineProcessDeps, options: LineProcessOptions): Promise<void> {
  // Whoever reads the events may be gone before the end of the input tells so.
  deps.output.on('error', () => {});
  const process = new LineProcess(deps, options);
  await process.plugIn();
  try {
    for await (const line of createInterface({ input: deps.input, crlfDelay: Number.POSITIVE_INFINITY })) {
      await process.hear(line);
    }
  } finally {
    process.close();
  }
}

class LineProcess {
  readonly #deps: LineProcessDeps;
  readonly #options: LineProcessOptions;
  #pty: Pty | undefined;
  #lastPath: string | undefined;
  #line: EmulatedLine;

  constructor(deps: LineProcessDeps, options: LineProcessOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#line = this.#newLine();
  }

  /** `elsewhere`: under another path than the last time. */
  async plugIn(elsewhere = false): Promise<void> {
    const pty = await this.#newPty(elsewhere ? this.#lastPath : undefined);
    this.#pty = pty;
    this.#lastPath = pty.path;
    const { link } = this.#options;
    if (link !== undefined) {
      // Renaming over the old link leaves no moment without one.
      rmSync(`${link}.new`, { force: true });
      symlinkSync(pty.path, `${link}.new`);
      renameSync(`${link}.new`, link);
    }
    this.#say({ event: 'ready', path: link ?? pty.path });
  }

  /** The system gives the lowest free number: a path to avoid is taken for as long as it needs to give another. */
  async #newPty(avoid: string | undefined): Promise<Pty> {
    const pty = await openPty(this.#deps.clock, (bytes) => this.#line.receive(bytes));
    if (pty.path !== avoid) return pty;
    const other = await this.#newPty(avoid);
    pty.close();
    return other;
  }

  async hear(line: string): Promise<void> {
    if (line.trim() === '') return;
    let command: Command;
    try {
      command = commandSchema.parse(JSON.parse(line.slice(0, MAX_LINE)));
    } catch (error) {
      this.#say({ event: 'refused', command: '', reason: messageOf(error) });
      return;
    }
    try {
      const reason = await this.#obey(command);
      if (reason === undefined) this.#say({ event: 'done', command: command.command });
      else this.#say({ event: 'refused', command: command.command, reason });
    } catch (error) {
      this.#say({ event: 'refused', command: command.command, reason: messageOf(error) });
    }
  }

  close(): void {
    this.#line.close();
    this.#unplug();
  }

  /** Gives the reason when the exchange's state does not allow the command. */
  async #obey(command: Command): Promise<string | undefined> {
    const { exchange } = this.#line;
    switch (command.command) {
      case 'ring': {
        const { callerId, ringForMs } = command;
        const rung = exchange.ring({
          party: partyOf({ ...command, behaviour: 'answers', answerAfterMs: 0 }),
          ...(callerId === undefined ? {} : { callerId: defined(callerId) }),
          ...(ringForMs === undefined ? {} : { ringForMs }),
        });
        return rung ? undefined : 'the line is in use';
      }
      case 'give-up':
        exchange.giveUp();
        return undefined;
      case 'hang-up':
        return exchange.hangUp(command.how) ? undefined : 'there is no call';
      case 'plan':
        exchange.plan(command.number, partyOf(command));
        return undefined;
      case 'send-digits':
        return exchange.sendDigits(command.digits) ? undefined : 'there is no call';
      case 'telephone':
        exchange.telephone(command.by, command.offHook);
        return undefined;
      case 'cut':
        exchange.cut(command.on);
        return undefined;
      case 'record':
        exchange.record();
        return undefined;
      case 'save-recording':
        writeFileSync(command.path, writeWav(exchange.recorded));
        return undefined;
      case 'report':
        this.#say({ event: 'report', call: exchange.report() ?? null, modem: this.#line.counters });
        return undefined;
      case 'unplug':
        this.#unplug();
        this.#say({ event: 'unplugged' });
        return undefined;
      case 'replug':
        if (this.#pty) return 'the modem is plugged in';
        await this.plugIn(command.elsewhere);
        return undefined;
      case 'power-cycle':
        this.#line.powerOff();
        return undefined;
      case 'fault':
        this.#line.fault(command.fault, command.on);
        return undefined;
      case 'stray-ring':
        this.#line.strayRing();
        return undefined;
    }
  }

  /** The device vanishes, and with it the modem, which is powered by it: the line goes on hook. */
  #unplug(): void {
    const { link } = this.#options;
    this.#pty?.close();
    this.#pty = undefined;
    if (link !== undefined) rmSync(link, { force: true });
    this.#line.powerOff();
  }

  #newLine(): EmulatedLine {
    const pty = () => this.#pty;
    return new EmulatedLine(
      {
        clock: this.#deps.clock,
        port: {
          send: (bytes) => pty()?.write(bytes),
          get backlog() {
            return pty()?.backlog ?? 0;
          },
          hold: (held) => pty()?.hold(held),
        },
        onEvent: (event) => this.#say(event),
      },
      this.#options,
    );
  }

  #say(event: Saying): void {
    this.#deps.output.write(`${JSON.stringify({ ...event, at: this.#deps.clock.now() })}\n`);
  }
}

type PartyCommand = Pick<
  Extract<Command, { command: 'plan' }>,
  'behaviour' | 'answerAfterMs' | 'reversal' | 'sendHz' | 'sendWav' | 'sendDigits' | 'hangUpAfterMs' | 'hangUpHow'
>;

function partyOf(command: PartyCommand): Party {
  const { behaviour, answerAfterMs, sendHz, sendWav, sendDigits, hangUpAfterMs, hangUpHow, reversal } = command;
  const sendSound = sendWav === undefined ? undefined : wavAsMulaw(readWav(readFileSync(sendWav)));
  return defined({ behaviour, answerAfterMs, sendHz, sendSound, sendDigits, hangUpAfterMs, hangUpHow, reversal });
}

type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** The same without the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T>;
function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
