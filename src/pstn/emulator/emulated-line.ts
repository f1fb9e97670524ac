import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import type { CountryCode } from '#platform/country-code.ts';
import type { EmulatedDevice } from '#pstn/emulator/device.ts';
import { Exchange, type ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { FaultyPort, faultNames } from '#pstn/emulator/faults.ts';
import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { personalities, type VoiceModemName } from '#pstn/emulator/personalities/table.ts';
import { Pump, type PumpOptions } from '#pstn/emulator/pump.ts';
import type { ModemPort, StreamCounters } from '#pstn/emulator/sound-stream.ts';
import { VoiceModem } from '#pstn/emulator/voice-modem.ts';
import { ETX_CODE } from '#pstn/modem/dle.ts';

export interface EmulatedLineOptions extends Partial<PumpOptions> {
  readonly country: CountryCode;
  /** Which modem it is; `v253` when not given. */
  readonly modem?: VoiceModemName;
  /** ATD answers OK once it has dialled instead of VCON at the answer, or the other way round. */
  readonly dialResultAtOnce?: boolean;
  /** Which code leaves +VTR. */
  readonly duplexExit?: '^' | 'etx';
}

/** A modem, a copper pair and an exchange, in one piece. What it is connected to on the computer's side is up to `port`. */
export class EmulatedLine implements EmulatedDevice {
  readonly exchange: Exchange;
  readonly #modem: VoiceModem;
  readonly #port: FaultyPort;
  readonly #pump: Pump;

  constructor(
    deps: { readonly clock: Clock; readonly port: ModemPort; readonly onEvent: (event: ExchangeEvent) => void },
    options: EmulatedLineOptions,
  ) {
    this.exchange = new Exchange(deps, options.country);
    const pump = {
      skewPpm: options.skewPpm ?? 0,
      stallMs: options.stallMs ?? 0,
      stallEveryMs: options.stallEveryMs ?? 3000,
    };
    this.#pump = new Pump(deps.clock, pump, (count) => this.#modem.advance(count));
    this.#port = new FaultyPort(deps.port);
    this.#modem = new VoiceModem(
      {
        port: this.#port,
        loop: this.exchange,
        onActive: (active) => (active ? this.#pump.start() : this.#pump.stop()),
      },
      { country: options.country, personality: personalityOf(options) },
    );
  }

  get counters(): Readonly<StreamCounters> {
    return this.#modem.counters;
  }

  receive(bytes: Uint8Array): void {
    const arrived = this.#port.receive(bytes);
    if (arrived.length > 0) this.#modem.receive(arrived);
  }

  fault(name: string, on: boolean): boolean {
    const fault = faultNames.find((candidate) => candidate === name);
    if (fault === undefined) return false;
    for (const held of this.#port.set(fault, on)) this.receive(held);
    this.#modem.misbehave({
      stuck: this.#port.has('stuck-in-duplex'),
      echoes: this.#port.has('echo'),
      numeric: this.#port.has('numeric'),
    });
    return true;
  }

  strayRing(): void {
    this.#port.send(utf8('\r\nRING\r\n'));
  }

  portClosed(): void {
    this.#modem.hangUp();
  }

  powerOff(): void {
    this.#modem.powerOff();
  }

  close(): void {
    this.#pump.stop();
    this.exchange.close();
  }
}

function personalityOf({ modem, dialResultAtOnce, duplexExit }: EmulatedLineOptions): Personality {
  return {
    ...personalities[modem ?? 'v253'],
    ...(dialResultAtOnce === undefined ? {} : { dialResult: dialResultAtOnce ? 'dialled' : 'answer' }),
    ...(duplexExit === undefined ? {} : { duplexExits: [duplexExit === '^' ? '^' : ETX_CODE] }),
  };
}
