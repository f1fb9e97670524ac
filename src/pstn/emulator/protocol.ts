import { z } from 'zod';
import { isDigits } from '#media/dtmf.ts';
import { cellularFaultNames } from '#pstn/emulator/cellular/emulated-cellular.ts';
import type { CallReport } from '#pstn/emulator/connected-call.ts';
import type { ExchangeEvent } from '#pstn/emulator/exchange.ts';
import { faultNames } from '#pstn/emulator/faults.ts';
import { hybridShapes } from '#pstn/emulator/hybrid.ts';
import { behaviours, hangUpHows } from '#pstn/emulator/number-plan.ts';
import type { StreamCounters } from '#pstn/emulator/sound-stream.ts';

/** What a line emulator is told, one JSON object a line, and what it says. */

const ms = z.number().min(0).max(3_600_000);
const hertz = z.number().min(100).max(3400);
const digits = z.string().refine(isDigits, 'must be 1 to 64 of 0-9 * # A-D');
const how = z.enum(hangUpHows);
const callerId = z.strictObject({ number: z.string().max(32).optional(), name: z.string().max(32).optional() });

/** How the far end of a call behaves. */
const party = {
  /** Plays this tone, Hz, from the answer on. */
  sendHz: hertz.optional(),
  /** Plays this WAV file instead. */
  sendWav: z.string().optional(),
  /** The line sends what the subscriber says back, so much fainter. */
  hybrid: z.strictObject({ shape: z.enum(hybridShapes), erlDb: z.number().min(0).max(40) }).optional(),
  /** White noise on the line. */
  noiseDbm0: z.number().min(-90).max(-20).optional(),
  sendDigits: z.strictObject({ digits, afterMs: ms }).optional(),
  hangUpAfterMs: ms.optional(),
  hangUpHow: how.optional(),
};

export const commandSchema = z.discriminatedUnion('command', [
  /** Rings the line. Number or name `P` is withheld, `O` out of area; without `callerId` none is sent. */
  z.strictObject({ command: z.literal('ring'), callerId: callerId.optional(), ringForMs: ms.optional(), ...party }),
  /** The caller of the ring gives up. */
  z.strictObject({ command: z.literal('give-up') }),
  /** The far end of the call hangs up. */
  z.strictObject({ command: z.literal('hang-up'), how: how.default('busy-tone') }),
  /** Who answers a number from now on. */
  z.strictObject({
    command: z.literal('plan'),
    number: digits,
    behaviour: z.enum(behaviours).default('answers'),
    answerAfterMs: ms.default(1500),
    reversal: z.boolean().optional(),
    ...party,
  }),
  /** The far end presses keys. */
  z.strictObject({ command: z.literal('send-digits'), digits }),
  /** A second caller waits while there is a call: the country's tone, once. A flash takes the call, and another goes back. */
  z.strictObject({ command: z.literal('call-waiting'), ...party }),
  /** A telephone beside the modem is lifted or put down: in the modem's own socket, or elsewhere on the pair. */
  z.strictObject({ command: z.literal('telephone'), by: z.enum(['handset', 'extension']), offHook: z.boolean() }),
  /** The pair is cut, or joined again. */
  z.strictObject({ command: z.literal('cut'), on: z.boolean().default(true) }),
  /** Keeps the sound that the line sends in this call, or the next. */
  z.strictObject({ command: z.literal('record') }),
  /** Writes what was kept as a WAV file. */
  z.strictObject({ command: z.literal('save-recording'), path: z.string().min(1) }),
  /** Asks for a `report` event. */
  z.strictObject({ command: z.literal('report') }),
  /** Pulls the modem off the computer, and puts it back: `elsewhere` makes sure that the device has another path then. */
  z.strictObject({ command: z.literal('unplug') }),
  z.strictObject({ command: z.literal('replug'), elsewhere: z.boolean().default(false) }),
  /** The modem's power fails for a moment: all settings are lost, the line is on hook. An external modem's port stays. */
  z.strictObject({ command: z.literal('power-cycle') }),
  /** Something goes wrong with the modem, or is right again; src/pstn/emulator/faults.ts says what each is. */
  z.strictObject({
    command: z.literal('fault'),
    fault: z.enum([...faultNames, ...cellularFaultNames]),
    on: z.boolean().default(true),
  }),
  /** The modem says RING where none belongs, such as within a stream of sound. */
  z.strictObject({ command: z.literal('stray-ring') }),
]);

/** A command as it is written, defaults left out. */
export type EmulatorCommand = z.input<typeof commandSchema>;

/** `at` is the time in ms since 1970, the same on every process of a host. */
export type EmulatorEvent = { readonly at: number } & (
  | ExchangeEvent
  /** `soundPath`: the second device of a cellular module. */
  | { readonly event: 'ready'; readonly path: string; readonly soundPath?: string }
  /** The command was carried out, or was not. */
  | { readonly event: 'done'; readonly command: string }
  | { readonly event: 'refused'; readonly command: string; readonly reason: string }
  | { readonly event: 'report'; readonly call: CallReport | null; readonly modem: Readonly<StreamCounters> }
  | { readonly event: 'unplugged' }
);
