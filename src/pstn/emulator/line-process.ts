import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { readWav, wavAsMulaw, writeWav } from '#media/wav.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { EmulatedCellular } from '#pstn/emulator/cellular/emulated-cellular.ts';
import { type CellularName, cellularNames } from '#pstn/emulator/cellular/module.ts';
import type { EmulatedDevice } from '#pstn/emulator/device.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import type { Party } from '#pstn/emulator/number-plan.ts';
import { type VoiceModemName, voiceModemNames } from '#pstn/emulator/personalities/table.ts';
import { Plug } from '#pstn/emulator/plug.ts';
import { commandSchema, type EmulatorEvent } from '#pstn/emulator/protocol.ts';

export interface LineProcessOptions extends Omit<EmulatedLineOptions, 'modem'> {
  /** Which modem it is; `v253` when not given. */
  readonly modem?: VoiceModemName | CellularName;
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
/** The name of a module's second device: that of the first, and this. */
const SOUND_LINK = '-sound';
/** A module that restarts is away for so long; real ones take longer. */
const RESTART_MS = 3000;

/** An emulated line as a process of its own: its device on one side, commands to the exchange on the other. Resolves when `input` ends. */
export async function runLineProcess(deps: LineProcessDeps, options: LineProcessOptions): Promise<void> {
  // Whoever reads the events may be gone before the end of the input tells so.
  deps.output.on('error', () => {});
  const process = new LineProcess(deps, options);
  await process.plugIn();
  const lines = createInterface({ input: deps.input, crlfDelay: Number.POSITIVE_INFINITY });
  // A process that is told to end destroys its input, which has no end then.
  deps.input.once('close', () => lines.close());
  try {
    for await (const line of lines) await process.hear(line);
  } finally {
    process.close();
  }
}

class LineProcess {
  readonly #deps: LineProcessDeps;
  readonly #line: EmulatedDevice;
  readonly #plug: Plug;
  /** A cellular module has a second device, for sound. */
  readonly #soundPlug: Plug | undefined;

  constructor(deps: LineProcessDeps, options: LineProcessOptions) {
    this.#deps = deps;
    const { clock } = deps;
    const { link, modem } = options;
    const onEvent = (event: ExchangeEvent) => this.#say(event);
    this.#plug = new Plug({ clock, onData: (bytes) => this.#line.receive(bytes) }, link);
    const { port } = this.#plug;
    const cellular = cellularNames.find((name) => name === modem);
    const voice = voiceModemNames.find((name) => name === modem);
    if (cellular === undefined) {
      this.#line = new EmulatedLine({ clock, port, onEvent }, { ...options, modem: voice ?? 'v253' });
      return;
    }
    const onData = (bytes: Uint8Array) => module.receiveSound(bytes);
    const soundPlug = new Plug({ clock, onData }, link === undefined ? undefined : `${link}${SOUND_LINK}`);
    const soundPort = soundPlug.port;
    const onRestart = () => this.#restart();
    const module = new EmulatedCellular(
      { clock, port, soundPort, onEvent, onRestart },
      { ...options, modem: cellular },
    );
    this.#soundPlug = soundPlug;
    this.#line = module;
  }

  async plugIn(elsewhere = false): Promise<void> {
    const path = await this.#plug.putIn(elsewhere);
    const soundPath = await this.#soundPlug?.putIn(elsewhere);
    this.#say({ event: 'ready', path, ...(soundPath === undefined ? {} : { soundPath }) });
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
      case 'call-waiting':
        return exchange.callWaiting(partyOf({ ...command, behaviour: 'answers', answerAfterMs: 0 }))
          ? undefined
          : 'there is no call, there are two, or the line has no such tone';
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
        if (this.#plug.isIn) return 'the modem is plugged in';
        await this.plugIn(command.elsewhere);
        return undefined;
      case 'power-cycle':
        this.#line.powerOff();
        return undefined;
      case 'fault':
        return this.#line.fault(command.fault, command.on) ? undefined : 'this modem has no such fault';
      case 'stray-ring':
        this.#line.strayRing();
        return undefined;
    }
  }

  /** The device vanishes, and with it the modem, which is powered by it: the line goes on hook. */
  #unplug(): void {
    this.#plug.pullOut();
    this.#soundPlug?.pullOut();
    this.#line.powerOff();
  }

  #restart(): void {
    this.#unplug();
    this.#say({ event: 'unplugged' });
    this.#deps.clock.after(RESTART_MS, () => {
      if (this.#plug.isIn) return;
      this.plugIn().catch((error) => this.#say({ event: 'refused', command: 'restart', reason: messageOf(error) }));
    });
  }

  #say(event: Saying): void {
    this.#deps.output.write(`${JSON.stringify({ ...event, at: this.#deps.clock.now() })}\n`);
  }
}

type PartyCommand = Pick<
  Extract<Command, { command: 'plan' }>,
  | 'behaviour'
  | 'answerAfterMs'
  | 'reversal'
  | 'sendHz'
  | 'sendWav'
  | 'hybrid'
  | 'noiseDbm0'
  | 'sendDigits'
  | 'hangUpAfterMs'
  | 'hangUpHow'
>;

function partyOf(command: PartyCommand): Party {
  const { behaviour, answerAfterMs, sendHz, sendWav, sendDigits, hangUpAfterMs, hangUpHow, reversal } = command;
  const sendSound = sendWav === undefined ? undefined : wavAsMulaw(readWav(readFileSync(sendWav)));
  const { hybrid, noiseDbm0 } = command;
  const heard = { sendHz, sendSound, hybrid, noiseDbm0 };
  return defined({ behaviour, answerAfterMs, ...heard, sendDigits, hangUpAfterMs, hangUpHow, reversal });
}

type Defined<T> = { [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key] } & {
  [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined>;
};

/** The same without the fields that are undefined. */
function defined<T extends object>(fields: T): Defined<T>;
function defined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
