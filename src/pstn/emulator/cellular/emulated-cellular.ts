import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import { CellularModem } from '#pstn/emulator/cellular/cellular-modem.ts';
import { type CellularName, modules } from '#pstn/emulator/cellular/module.ts';
import { CellularNetwork } from '#pstn/emulator/cellular/network.ts';
import type { EmulatedDevice } from '#pstn/emulator/device.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { FaultyPort } from '#pstn/emulator/faults.ts';
import { Pump } from '#pstn/emulator/pump.ts';
import type { ModemPort, StreamCounters } from '#pstn/emulator/sound-stream.ts';

export interface EmulatedCellularDeps {
  readonly clock: Clock;
  readonly port: ModemPort;
  readonly soundPort: ModemPort;
  readonly onEvent: (event: ExchangeEvent) => void;
  /** The module restarts: its ports vanish and come back. `powerOff` is called here already. */
  readonly onRestart: () => void;
}

/** Faults of a cellular module, beside those of its port (silent, garbage, blocked, lost-ok). */
export const cellularFaultNames = [
  /** What the computer plays stands still. */
  'uplink-stall',
  /** From the second call on the sound is bad and begins late, until the module is restarted. */
  'degrading',
  /** VOICE CALL: BEGIN and +CLCC state 0 come at the ringing already. */
  'early-begin',
  /** The SIM card wants its PIN. */
  'card-locked',
] as const;

const portFaults = ['silent', 'garbage', 'blocked', 'lost-ok'] as const;

/** A cellular module and its network, in one piece. */
export class EmulatedCellular implements EmulatedDevice {
  readonly exchange: CellularNetwork;
  readonly #port: FaultyPort;
  readonly #modem: CellularModem;
  readonly #pump: Pump;
  readonly #faults = new Set<string>();

  constructor(
    deps: EmulatedCellularDeps,
    options: { readonly country: CountryCode; readonly modem: CellularName; readonly skewPpm?: number },
  ) {
    this.exchange = new CellularNetwork(deps, options.country);
    this.#port = new FaultyPort(deps.port);
    const onRestart = () => {
      this.powerOff();
      deps.onRestart();
    };
    const { clock, soundPort } = deps;
    const pace = { skewPpm: options.skewPpm ?? 0, stallMs: 0, stallEveryMs: 3000 };
    this.#pump = new Pump(clock, pace, (count) => this.#modem.advance(count));
    const onActive = (active: boolean) => (active ? this.#pump.start() : this.#pump.stop());
    this.#modem = new CellularModem(
      { clock, port: this.#port, soundPort, network: this.exchange, onActive, onRestart },
      modules[options.modem],
    );
    this.#modem.begin();
  }

  get counters(): Readonly<StreamCounters> {
    return this.#modem.counters;
  }

  receive(bytes: Uint8Array): void {
    const arrived = this.#port.receive(bytes);
    if (arrived.length > 0) this.#modem.receive(arrived);
  }

  /** Bytes on the port of sound. */
  receiveSound(bytes: Uint8Array): void {
    this.#modem.receiveSound(bytes);
  }

  fault(name: string, on: boolean): boolean {
    const ofPort = portFaults.find((candidate) => candidate === name);
    if (ofPort !== undefined) {
      for (const held of this.#port.set(ofPort, on)) this.receive(held);
      return true;
    }
    if (!cellularFaultNames.some((candidate) => candidate === name)) return false;
    if (on) this.#faults.add(name);
    else this.#faults.delete(name);
    const manners = { earlyBegin: this.#faults.has('early-begin'), degrades: this.#faults.has('degrading') };
    this.#modem.misbehave(manners, this.#faults.has('uplink-stall'), this.#faults.has('card-locked'));
    return true;
  }

  powerOff(): void {
    this.#modem.powerOff();
  }

  /** A module does not hang up when its port is closed. */
  portClosed(): void {}

  strayRing(): void {
    this.#port.send(utf8('\r\nRING\r\n'));
  }

  close(): void {
    this.#pump.stop();
    this.#modem.close();
    this.exchange.close();
  }
}
