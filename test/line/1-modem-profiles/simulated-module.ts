import { concat } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { type Logger, silentLogger } from '#platform/log.ts';
import { CellularLine, type CellularLineOptions } from '#pstn/cellular/cellular-line.ts';
import { EmulatedCellular } from '#pstn/emulator/cellular/emulated-cellular.ts';
import type { CellularName } from '#pstn/emulator/cellular/module.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import type { CallerId, IncomingRing, LineStatus } from '#pstn/line.ts';
import { MAX_UNWRITTEN, type OpenSerial, type SerialListener } from '#pstn/modem/serial-port.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

const LATENCY_MS = 4;
/** What the module's buffers take of sound while it plays none. */
const TAKEN_IN_STALL = 4096;
const RESTART_MS = 20_000;

/** One way of a serial cable: bytes in order, a moment later. */
function pipe(clock: Clock, deliver: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let waiting: Uint8Array[] = [];
  return (bytes) => {
    waiting.push(bytes.slice());
    if (waiting.length > 1) return;
    clock.after(LATENCY_MS, () => {
      const all = concat(...waiting);
      waiting = [];
      deliver(all);
    });
  };
}

/** One of the two devices, as the driver and as the module have it. */
class Cable {
  listener: SerialListener | undefined;
  written = '';
  isHeld = false;
  held = 0;
  /** Lines of the module that get lost. */
  lose: RegExp | undefined;
  readonly #toModule: (bytes: Uint8Array) => void;
  readonly port: { send(bytes: Uint8Array): void; backlog: number; hold(held: boolean): void };

  constructor(clock: Clock, toModule: (bytes: Uint8Array) => void) {
    this.#toModule = pipe(clock, toModule);
    const toDriver = pipe(clock, (bytes) => this.listener?.data(bytes));
    this.port = {
      backlog: 0,
      send: (bytes) => {
        if (!this.lose?.test(Buffer.from(bytes).toString('latin1'))) toDriver(bytes);
      },
      hold: (held) => {
        this.isHeld = held;
        this.held = 0;
      },
    };
  }

  open(listener: SerialListener, keep: boolean) {
    this.listener = listener;
    const cable = this;
    return {
      get unwritten() {
        return Math.max(0, cable.held - TAKEN_IN_STALL);
      },
      write: (bytes: Uint8Array) => {
        if (keep) this.written += Buffer.from(bytes).toString('latin1');
        if (this.isHeld) this.held += bytes.length;
        if (this.held > MAX_UNWRITTEN) this.unplug('the device takes no more bytes');
        else this.#toModule(bytes);
      },
      close: async () => {
        this.listener = undefined;
      },
    };
  }

  unplug(reason = 'unplugged'): void {
    const was = this.listener;
    this.listener = undefined;
    was?.closed(reason);
  }
}

/** Driver and emulated module joined by byte pipes under one virtual clock: the real code of both, without a pty. */
export function simulatedModule(modem: CellularName, options: Partial<CellularLineOptions> = {}) {
  const clock = new VirtualClock();
  const events: ExchangeEvent[] = [];
  const statuses: LineStatus[] = [];
  const warnings: string[] = [];
  const rings: { readonly ring: IncomingRing; readonly callerId: CallerId; readonly at: number }[] = [];
  let isPlugged = true;
  let restarts = 0;
  const commands = new Cable(clock, (bytes) => module.receive(bytes));
  const audio = new Cable(clock, (bytes) => module.receiveSound(bytes));
  const unplug = () => {
    isPlugged = false;
    module.powerOff();
    commands.unplug();
    audio.unplug();
  };
  const module: EmulatedCellular = new EmulatedCellular(
    {
      clock,
      port: commands.port,
      soundPort: audio.port,
      onEvent: (event) => events.push(event),
      onRestart: () => {
        restarts++;
        unplug();
        clock.after(RESTART_MS, () => {
          isPlugged = true;
        });
      },
    },
    { country: 'DE', modem },
  );
  const openPort =
    (cable: Cable): OpenSerial =>
    async (_path, _rate, listener) => {
      if (!isPlugged) throw new Error('no such device');
      return cable.open(listener, cable === commands);
    };
  const logged: string[] = [];
  const log: Logger = {
    ...silentLogger,
    debug: (message, fields) => logged.push(`${message} ${JSON.stringify(fields)}`),
    child: () => log,
    warn: (message) => void warnings.push(message),
  };
  const line = new CellularLine(
    { clock, log, openPort: openPort(commands), openAudio: openPort(audio) },
    { name: 'mobile', path: 'commands', audioPath: 'sound', ...options },
  );
  line.observe({
    status: (status) => statuses.push(status),
    ring: (ring) => rings.push({ ring, callerId: ring.callerId, at: clock.now() }),
  });
  return {
    clock,
    line,
    module,
    commands,
    audio,
    events,
    statuses,
    rings,
    warnings,
    logged,
    written: () => commands.written,
    restarts: () => restarts,
    unplug,
    replug() {
      isPlugged = true;
    },
  };
}

export type SimulatedModule = ReturnType<typeof simulatedModule>;
