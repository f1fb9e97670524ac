import { conexant } from '#pstn/emulator/personalities/conexant.ts';
import { halfDuplex } from '#pstn/emulator/personalities/half-duplex.ts';
import type { Personality } from '#pstn/emulator/personalities/personality.ts';
import { rockwell } from '#pstn/emulator/personalities/rockwell.ts';
import { usrobotics } from '#pstn/emulator/personalities/usrobotics.ts';
import { v253 } from '#pstn/emulator/personalities/v253.ts';

/** The voice modems that the emulator can be, by the names that `--modem` takes. */
export const voiceModemNames = ['v253', 'conexant-cx930xx', 'usr-5637', 'rockwell', 'half-duplex'] as const;

export type VoiceModemName = (typeof voiceModemNames)[number];

export const personalities: Readonly<Record<VoiceModemName, Personality>> = {
  v253,
  'conexant-cx930xx': conexant,
  'usr-5637': usrobotics,
  rockwell,
  'half-duplex': halfDuplex,
};
