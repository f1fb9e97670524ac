import { concat } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import type { CallerId, IncomingRing, LineStatus } from '#pstn/line.ts';
import { ModemLine, type ModemLineOptions } from '#pstn/modem/modem-line.ts';
import { MAX_UNWRITTEN, type OpenSerial, type SerialListener } from '#pstn/modem/serial-port.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** Bytes on their way, in order, each piece `latencyMs` late. */
function pipe(clock: Clock, latencyMs: number, deliver: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  let waiting: Uint8Array[] = [];
  return (bytes) => {
    waiting.push(bytes.slice());
    if (waiting.length > 1) return;
    clock.after(latencyMs, () => {
      const all = concat(...waiting);
      waiting = [];
      deliver(all);
    });
  };
}

export interface SimulatedLine {
  readonly clock: VirtualClock;
  readonly line: ModemLine;
  /** The same modem for another program; not while `line` has it open. */
  readonly openPort: OpenSerial;
  readonly emulated: EmulatedLine;
  readonly events: ExchangeEvent[];
  readonly statuses: LineStatus[];
  readonly rings: { readonly ring: IncomingRing; readonly callerId: CallerId; readonly at: number }[];
  /** Everything the driver wrote, as text for looking at commands. */
  readonly written: () => string;
  /** Bytes as if the modem had sent them. */
  inject(bytes: Uint8Array | string): void;
  /** The device vanishes, and comes back. */
  unplug(): void;
  replug(): void;
  find<Name extends ExchangeEvent['event']>(name: Name): Extract<ExchangeEvent, { event: Name }> | undefined;
}

/** Driver and emulator joined by byte pipes under one virtual clock: the real code of both, without a pty. */
export function simulatedLine(
  emulator: Partial<EmulatedLineOptions> = {},
  modem: Partial<ModemLineOptions> = {},
  latencyMs = 4,
  /** Whether the modem sees that its port is closed; which of its `<DLE>` codes it does not know. */
  { dtr, unknown }: { readonly dtr: boolean; readonly unknown?: string } = { dtr: true },
): SimulatedLine {
  const clock = new VirtualClock();
  const events: ExchangeEvent[] = [];
  const statuses: LineStatus[] = [];
  const rings: { ring: IncomingRing; callerId: CallerId; at: number }[] = [];
  const written: Uint8Array[] = [];
  let listener: SerialListener | undefined;
  let plugged = true;
  const toDriver = pipe(clock, latencyMs, (bytes) => listener?.data(bytes));
  let held = false;
  let unwritten = 0;
  const port = {
    send(bytes: Uint8Array) {
      if (Buffer.from(bytes).toString('latin1') !== `\x10${unknown}`) toDriver(bytes);
    },
    backlog: 0,
    hold(on: boolean) {
      held = on;
      unwritten = 0;
    },
  };
  const emulated = new EmulatedLine(
    { clock, port, onEvent: (event) => events.push(event) },
    { country: 'US', ...emulator },
  );
  const toModem = pipe(clock, latencyMs, (bytes) => {
    if (plugged) emulated.receive(bytes);
  });
  const openPort: OpenSerial = async (_path, _baudRate, to) => {
    if (!plugged) throw new Error('no such device');
    listener = to;
    return {
      write: (bytes) => {
        if (written.length < 10_000) written.push(bytes.slice(0, 200));
        if (held) unwritten += bytes.length;
        if (unwritten > MAX_UNWRITTEN) {
          listener = undefined;
          if (dtr) emulated.portClosed();
          clock.after(0, () => to.closed('the device takes no more bytes'));
        } else toModem(bytes);
      },
      close: async () => {
        listener = undefined;
        if (dtr) emulated.portClosed();
      },
    };
  };
  const line = new ModemLine(
    { clock, log: silentLogger, openPort },
    { name: 'line', path: 'modem', country: emulator.country ?? 'US', ...modem },
  );
  line.observe({
    status: (status) => statuses.push(status),
    ring: (ring) => rings.push({ ring, callerId: ring.callerId, at: clock.now() }),
  });
  return {
    clock,
    line,
    openPort,
    emulated,
    events,
    statuses,
    rings,
    written: () => Buffer.concat(written).toString('latin1'),
    inject: (bytes) => listener?.data(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    unplug() {
      plugged = false;
      emulated.powerOff();
      const was = listener;
      listener = undefined;
      was?.closed('unplugged');
    },
    replug() {
      plugged = true;
    },
    find: (name) => events.find((event) => event.event === name) as never,
  };
}
