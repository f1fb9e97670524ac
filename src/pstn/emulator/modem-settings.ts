import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { type SoundCoding, soundCodings } from '#pstn/emulator/sound-coding.ts';

/** What AT commands set. `ATZ` brings all of it back. */
export interface ModemSettings {
  echo: boolean;
  quiet: boolean;
  verbose: boolean;
  /** `X`: which call progress tones a dialling modem heeds. */
  progress: number;
  fclass: string;
  /** The number of +VSM, and what it stands for. */
  codingNumber: number;
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

export function factorySettings(personality: Personality): ModemSettings {
  const first = personality.codings.find((row) => row.coding !== undefined);
  if (first?.coding === undefined) throw new Error('there is no way of coding sound');
  return {
    echo: true,
    quiet: false,
    verbose: true,
    progress: 4,
    fclass: '0',
    codingNumber: first.number,
    coding: soundCodings[first.coding],
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

/** ATZ and &F: what the modem was switched on with. Some keep +VCID. */
export function resetSettings(settings: ModemSettings, personality: Personality): void {
  const { callerId } = settings;
  Object.assign(settings, factorySettings(personality));
  if (personality.callerIdOutlivesReset) settings.callerId = callerId;
}
