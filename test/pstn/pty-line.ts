import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { EmulatedLine, type EmulatedLineOptions } from '#pstn/emulator/emulated-line.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { openPty, type Pty } from '#pstn/emulator/pty.ts';
import { ModemLine, type ModemLineOptions } from '#pstn/modem/modem-line.ts';

export interface PtyLine {
  readonly emulated: EmulatedLine;
  readonly line: ModemLine;
  readonly pty: Pty;
  readonly events: ExchangeEvent[];
  /** Waits for an event of the exchange, those that came already included. */
  event<Name extends ExchangeEvent['event']>(name: Name): Promise<Extract<ExchangeEvent, { event: Name }>>;
  close(): Promise<void>;
}

/** An emulated line on a real pty in this process, and the driver on it through serialport. */
export async function ptyLine(
  emulator: Partial<EmulatedLineOptions> = {},
  modem: Partial<ModemLineOptions> = {},
): Promise<PtyLine> {
  const events: ExchangeEvent[] = [];
  let wake = () => {};
  let emulated: EmulatedLine | undefined;
  const pty = await openPty(systemClock, (bytes) => emulated?.receive(bytes));
  emulated = new EmulatedLine(
    {
      clock: systemClock,
      port: pty2port(pty),
      onEvent: (event) => {
        events.push(event);
        wake();
      },
    },
    { country: 'US', ...emulator },
  );
  const line = new ModemLine(
    { clock: systemClock, log: silentLogger },
    { name: 'line', path: pty.path, country: 'US', ...modem },
  );
  return {
    emulated,
    line,
    pty,
    events,
    async event(name) {
      for (;;) {
        const found = events.find((event) => event.event === name);
        if (found) return found as never;
        await new Promise<void>((resolve) => {
          const before = wake;
          wake = () => {
            before();
            resolve();
          };
        });
      }
    },
    async close() {
      await line.stop();
      emulated.close();
      pty.close();
    },
  };
}

function pty2port(pty: Pty) {
  return {
    send: (bytes: Uint8Array) => pty.write(bytes),
    get backlog() {
      return pty.backlog;
    },
    hold: (held: boolean) => pty.hold(held),
  };
}
