import type { MediaSession } from '#media/session.ts';

/** The media of one leg without a network: keeps what it is given, and brings what the test says. */
export class FakeMedia implements MediaSession {
  readonly localDescription =
    'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n';
  readonly played: Uint8Array[] = [];
  /** Digits sent to the peer. */
  sent = '';
  isClosed = false;
  readonly statistics = {
    packetsSent: 0,
    packetsReceived: 0,
    packetsLost: 0,
    packetsLate: 0,
    skewCorrections: 0,
    underruns: 0,
    overruns: 0,
    jitterMs: 0,
    bufferMs: 0,
    targetMs: 0,
    concealedMs: 0,
  };
  readonly #digits: ((digit: string) => void)[] = [];
  readonly #flashes: (() => void)[] = [];

  applyRemote(): void {}

  play(samples: Uint8Array): void {
    this.played.push(samples.slice());
  }

  take(count: number): Uint8Array {
    return new Uint8Array(count).fill(0xff);
  }

  sendDigits(digits: string): void {
    this.sent += digits;
  }

  onDigit(listener: (digit: string) => void): void {
    this.#digits.push(listener);
  }

  onFlash(listener: () => void): void {
    this.#flashes.push(listener);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The peer presses keys. */
  press(digits: string): void {
    for (const digit of digits) for (const listener of this.#digits) listener(digit);
  }

  pressFlash(): void {
    for (const listener of this.#flashes) listener();
  }
}
