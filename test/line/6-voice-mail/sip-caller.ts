import { silence } from '#media/g711.ts';
import type { MediaSession } from '#media/session.ts';
import type { Call, CallEnd, IncomingCall } from '#sip/ua/call-engine.ts';
import { burstsIn } from './line-caller.ts';

/** A phone that calls by SIP, as the call engine shows it; it says nothing and keeps what it hears. */
export class SipCaller {
  readonly incoming: IncomingCall;
  /** How the call ended; undefined while it goes on. */
  ended: string | undefined;
  readonly #heard: Uint8Array[] = [];
  #onDigit: (digit: string) => void = () => {};
  #over: (end: CallEnd) => void = () => {};

  constructor() {
    const media: MediaSession = {
      localDescription: '',
      applyRemote: () => {},
      play: (samples) => void this.#heard.push(samples),
      take: (count) => silence(count),
      sendDigits: () => {},
      onDigit: (listener) => {
        this.#onDigit = listener;
      },
      onFlash: () => {},
      statistics: {
        ...{ packetsSent: 0, packetsReceived: 0, packetsLost: 0, packetsLate: 0, skewCorrections: 0 },
        ...{ underruns: 0, overruns: 0, jitterMs: 0, bufferMs: 0, targetMs: 0, concealedMs: 0 },
      },
      close: () => {},
    };
    const call: Call = {
      id: '1',
      remoteUri: 'sip:alice@home.example',
      media,
      onFlash: () => {},
      hangUp: async () => this.#end('hung up'),
      ended: new Promise((resolve) => {
        this.#over = resolve;
      }),
    };
    this.incoming = {
      requestUri: 'sip:voicemail@home.example',
      from: 'sip:alice@home.example',
      fromName: undefined,
      to: 'sip:voicemail@home.example',
      assertedIdentity: 'sip:alice@home.example',
      withheld: false,
      peer: undefined,
      abandoned: new AbortController().signal,
      ring: () => {},
      answer: async () => call,
      reject: (status) => this.#end(`rejected ${status}`),
    };
  }

  presses(digits: string): void {
    for (const digit of digits) this.#onDigit(digit);
  }

  bursts(frequency: number): number {
    return burstsIn(this.#heard, frequency);
  }

  #end(how: string): void {
    this.ended ??= how;
    this.#over({ by: 'local', status: undefined, reason: how });
  }
}
