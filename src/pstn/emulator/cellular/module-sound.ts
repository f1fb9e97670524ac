import { DtmfDetector, dtmfSound } from '#media/dtmf.ts';
import { silence } from '#media/g711.ts';
import { concat, utf8 } from '#platform/bytes.ts';
import { ByteQueue } from '#pstn/emulator/byte-queue.ts';
import { soundCodings } from '#pstn/emulator/sound-coding.ts';
import type { ModemPort, StreamCounters } from '#pstn/emulator/sound-stream.ts';

const linear = soundCodings['linear-16'];
/** Two seconds of sound that the computer is ahead; what goes beyond is dropped. */
const MAX_PLAY = 16_000;
const MAX_BACKLOG = 16_384;
const KEY_MS = 120;
const PAUSE_MS = 80;
/** Degraded sound: of every four frames one is lost. */
const DEGRADED = 4;
/** Positions are put out once a second (NMEA 0183); this one has no fix. */
const POSITION = utf8('$GPGGA,,,,,,0,,,,,,,,*66\r\n');
const POSITION_EVERY = 8000;

/** The second port of a module: sound both ways as samples of 16 bits, 8000 a second, with no frame and no code around them. */
export class ModuleSound {
  readonly #port: ModemPort;
  readonly #counters: StreamCounters;
  readonly #dtmf: DtmfDetector;
  readonly #play = new ByteQueue();
  readonly #keys = new ByteQueue();
  #half = new Uint8Array(0);
  #isOn = false;
  #isDegraded = false;
  #isStalled = false;
  #frames = 0;
  #sincePosition = 0;

  constructor(port: ModemPort, counters: StreamCounters, onDigit: (digit: string) => void) {
    this.#port = port;
    this.#counters = counters;
    this.#dtmf = new DtmfDetector(onDigit);
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  switch(on: boolean): void {
    this.#isOn = on;
    this.#play.clear();
    this.#half = new Uint8Array(0);
  }

  degrade(degraded: boolean): void {
    this.#isDegraded = degraded;
  }

  /** The way to the network stands still, and with it what the computer writes. */
  stall(stalled: boolean): void {
    this.#isStalled = stalled;
    this.#port.hold(stalled);
  }

  /** Presses a key for the far end. */
  press(digit: string): void {
    this.#keys.push(dtmfSound(digit, KEY_MS, PAUSE_MS));
  }

  /** Bytes of the computer; without sound switched on they go nowhere. */
  receive(bytes: Uint8Array): void {
    if (!this.#isOn || this.#isStalled) return;
    const all = concat(this.#half, bytes);
    const end = all.length & ~1;
    this.#half = all.slice(end);
    const samples = linear.toLine(all.subarray(0, end));
    const room = Math.max(0, MAX_PLAY - this.#play.length);
    this.#counters.taken += samples.length;
    if (samples.length > room) this.#counters.overruns++;
    this.#play.push(samples.subarray(0, room));
  }

  /** What the network gets. */
  next(count: number): Uint8Array {
    const out = silence(count);
    if (!this.#isStalled) {
      const taken = this.#play.take(count);
      if (this.#isOn && taken.length > 0 && taken.length < count) this.#counters.underruns++;
      this.#counters.played += taken.length;
      out.set(taken);
    }
    out.set(this.#keys.take(count));
    return out;
  }

  /** What the network brings. */
  hear(samples: Uint8Array): void {
    this.#dtmf.push(samples);
    if (!this.#isOn) return;
    if (this.#port.backlog > MAX_BACKLOG) {
      this.#counters.overruns++;
      return;
    }
    this.#frames++;
    if (this.#isDegraded && this.#frames % DEGRADED === 0) return;
    this.#counters.heard += samples.length;
    this.#port.send(linear.fromLine(samples));
  }

  /** Time passes while positions are put out. */
  passWithPositions(count: number): void {
    this.#sincePosition += count;
    if (this.#sincePosition < POSITION_EVERY) return;
    this.#sincePosition = 0;
    this.#port.send(POSITION);
  }
}
