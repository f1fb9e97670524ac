import type { FarSide } from '#pstn/emulator/exchange.ts';
import type { StreamCounters } from '#pstn/emulator/sound-stream.ts';

/** An emulated modem with the network behind it, as a process or a test handles it. */
export interface EmulatedDevice {
  readonly exchange: FarSide;
  readonly counters: Readonly<StreamCounters>;
  /** Bytes that the computer wrote to the port of commands. */
  receive(bytes: Uint8Array): void;
  /** Something goes wrong, or is right again; false when this device does not know the fault. */
  fault(name: string, on: boolean): boolean;
  /** The modem loses its power: on hook, everything forgotten. */
  powerOff(): void;
  /** The computer closed the port, and the modem sees it (DTR). */
  portClosed(): void;
  /** RING where none belongs. */
  strayRing(): void;
  close(): void;
}
