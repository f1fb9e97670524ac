import { type SoundCoding, soundCodings } from '#pstn/emulator/sound-coding.ts';

/** What AT commands set. `ATZ` brings all of it back. */
export interface ModemSettings {
  echo: boolean;
  quiet: boolean;
  verbose: boolean;
  /** `X`: which call progress tones a dialling modem heeds. */
  progress: number;
  fclass: string;
  coding: SoundCoding;
  callerId: boolean;
  /** +VTD, 10 ms. */
  toneLength: number;
  /** +VRA in 0.1 s, +VRN in s. */
  ringbackGone: number;
  ringbackNever: number;
  /** Everything else with a value, by name, so that it can be read back. */
  readonly other: Map<string, string>;
  readonly registers: Map<number, number>;
}

const firstCoding = soundCodings[0];

export function factorySettings(): ModemSettings {
  if (firstCoding === undefined) throw new Error('there is no way of coding sound');
  return {
    echo: true,
    quiet: false,
    verbose: true,
    progress: 4,
    fclass: '0',
    coding: firstCoding,
    callerId: false,
    toneLength: 100,
    ringbackGone: 50,
    ringbackNever: 10,
    other: new Map(),
    registers: new Map([
      [0, 0],
      [7, 60],
    ]),
  };
}
