import type { LineCountry } from '#pstn/countries/country.ts';
import { NetworkEar } from '#pstn/supervision/network-ear.ts';

/** Told of what a modem's own detector knows. */
export interface ProgressListener {
  /** Dial, busy and congestion tone once; ringing tone at each ring. Modems call congestion busy. */
  tone(tone: 'dial' | 'ringback' | 'busy'): void;
  /** Sound that is no tone of the network. Once per stretch. */
  voice(): void;
}

/** The call progress detector of the emulated modem: what most modems know of a country's tones. */
export class CallProgressDetector {
  readonly #ear: NetworkEar;

  constructor(country: LineCountry, listener: ProgressListener) {
    this.#ear = new NetworkEar(country, (heard) => {
      switch (heard) {
        case 'dial':
        case 'ringback':
        case 'busy':
          listener.tone(heard);
          break;
        case 'congestion':
          listener.tone('busy');
          break;
        case 'voice':
          listener.voice();
          break;
        default:
      }
    });
  }

  push(codes: Uint8Array): void {
    this.#ear.push(codes);
  }
}
