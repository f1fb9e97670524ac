import * as z from 'zod/mini';
import { withDefault } from '#config/shapes.ts';

/** What is done to the sound between a line and a phone. */
export const lineSound = {
  /** The line's echo of the phone's own voice is removed. */
  echo_canceller: withDefault(z.boolean(), true),
  /** Speech of the line is brought to the usual level, by 12 dB at most. */
  automatic_gain: withDefault(z.boolean(), true),
};
