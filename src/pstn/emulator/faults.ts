import type { ModemPort } from '#pstn/emulator/sound-stream.ts';

/** What can be wrong with a modem for as long as it is set. */
export const faultNames = [
  /** It takes nothing, answers nothing and sends no sound, as with crashed firmware. */
  'silent',
  /** The speeds differ: it understands nothing, and what it sends arrives as other bytes. */
  'garbage',
  /** Nothing that is written ends +VTR; closing the port does, where the device has a DTR line. */
  'stuck-in-duplex',
  /** It takes no more bytes, but goes on sending. */
  'blocked',
  /** Its OKs are lost. */
  'lost-ok',
  /** ATE0 does not stop the echo. */
  'echo',
  /** It is switched on, and reset, to numeric results. */
  'numeric',
] as const;

export type FaultName = (typeof faultNames)[number];

const OK = '\r\nOK\r\n';
/** More than a computer writes before it gives up; what is held longer is lost. */
const MAX_HELD = 262_144;

/** The cable between modem and computer, with what can go wrong there. */
export class FaultyPort implements ModemPort {
  readonly #inner: ModemPort;
  readonly #faults = new Set<FaultName>();
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #modemHolds = false;
  #noise = 0x2545f491;

  constructor(inner: ModemPort) {
    this.#inner = inner;
  }

  has(fault: FaultName): boolean {
    return this.#faults.has(fault);
  }

  /** Gives the bytes that were held back, if that is over. */
  set(fault: FaultName, on: boolean): Uint8Array[] {
    if (on) this.#faults.add(fault);
    else this.#faults.delete(fault);
    this.#inner.hold(this.#modemHolds || this.has('blocked'));
    if (this.has('blocked')) return [];
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  get backlog(): number {
    return this.#inner.backlog;
  }

  send(bytes: Uint8Array): void {
    if (this.has('silent')) return;
    if (this.has('garbage')) this.#inner.send(bytes.map(() => this.#nextNoise()));
    else if (!(this.has('lost-ok') && Buffer.from(bytes).toString('latin1') === OK)) this.#inner.send(bytes);
  }

  hold(held: boolean): void {
    this.#modemHolds = held;
    this.#inner.hold(held || this.has('blocked'));
  }

  /** What reaches the modem of what the computer wrote. */
  receive(bytes: Uint8Array): Uint8Array {
    if (this.has('blocked')) {
      if (this.#heldBytes < MAX_HELD) this.#held.push(bytes.slice());
      this.#heldBytes += bytes.length;
      return new Uint8Array(0);
    }
    if (this.has('silent')) return new Uint8Array(0);
    if (!this.has('garbage')) return bytes;
    // A modem echoes what it takes for characters.
    this.send(bytes.subarray(0, 16));
    return new Uint8Array(0);
  }

  /** Bytes of any value (xorshift, Marsaglia 2003). */
  #nextNoise(): number {
    this.#noise ^= this.#noise << 13;
    this.#noise ^= this.#noise >>> 17;
    this.#noise ^= this.#noise << 5;
    return (this.#noise >>> 8) & 0xff;
  }
}
