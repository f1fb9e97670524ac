import { JitterBuffer } from '#media/jitter-buffer.ts';
import type { MediaSession, MediaStatistics } from '#media/session.ts';
import type { Clock } from '#platform/clock.ts';

const PACKET = 160;

export interface SentPacket {
  readonly at: number;
  readonly sound: Uint8Array;
}

/** A session without sockets, for the virtual clock: packets of 20 ms go to `onPacket`, what comes passes the real jitter buffer. */
export class MemorySession implements MediaSession {
  readonly localDescription = '';
  readonly #clock: Clock;
  readonly #onPacket: (packet: SentPacket) => void;
  readonly #jitter = new JitterBuffer();
  #pending = new Uint8Array(0);
  #sent = 0;
  #received = 0;

  constructor(clock: Clock, onPacket: (packet: SentPacket) => void) {
    this.#clock = clock;
    this.#onPacket = onPacket;
  }

  applyRemote(): void {}

  play(samples: Uint8Array): void {
    const all = Buffer.concat([this.#pending, samples]);
    let at = 0;
    for (; at + PACKET <= all.length; at += PACKET) {
      this.#sent++;
      this.#onPacket({ at: this.#clock.now(), sound: all.subarray(at, at + PACKET) });
    }
    this.#pending = Uint8Array.from(all.subarray(at));
  }

  take(count: number, spare = 0): Uint8Array {
    return this.#jitter.take(count, spare);
  }

  /** A packet comes from the network. */
  receive(timestamp: number, sound: Uint8Array): void {
    this.#received++;
    this.#jitter.put(timestamp >>> 0, sound);
  }

  sendDigits(): void {}
  onDigit(): void {}
  onFlash(): void {}
  close(): void {}

  get statistics(): MediaStatistics {
    const counted = { packetsSent: this.#sent, packetsReceived: this.#received, packetsLost: 0, jitterMs: 0 };
    return { ...counted, ...this.#jitter.report };
  }
}
