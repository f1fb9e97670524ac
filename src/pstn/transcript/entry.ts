/**
 * One line of a transcript, JSON: what program and modem said to each other. `ms` counts from the opening of the device.
 * Sound is bytes as they travel, without shielding; only its begin is kept, if at all.
 */
export type TranscriptEntry = { readonly ms: number } & (
  | { readonly opened: { readonly baudRate: number } }
  | { readonly closed: string }
  /** A command, or whatever stood before a CR. */
  | { readonly to: string }
  | { readonly from: string }
  /** The character behind a DLE. */
  | { readonly toCode: string }
  | { readonly fromCode: string }
  | { readonly toSound: Sound }
  | { readonly fromSound: Sound }
  /** What the program made of it all, so that a replay can be held against it. */
  | { readonly found: Readonly<Record<string, unknown>> }
);

interface Sound {
  readonly bytes: number;
  /** The first of them, base64. */
  readonly begin?: string;
}

/** The first line of a transcript. */
export interface TranscriptHead {
  readonly transcript: 1;
  readonly program: string;
  /** Whether numbers, names and keys were left in. */
  readonly unmasked: boolean;
}
