import type { LineStatus, Telephone } from '#pstn/line.ts';
import type { Input, Modem, State } from '#pstn/modem/machine/state.ts';

/** Which telephone a code speaks of, by the modem's profile. */
export function telephoneOf(
  { profile }: Modem,
  code: string,
): { readonly by: Telephone; readonly offHook: boolean } | undefined {
  const { handset, extension } = profile.codes;
  if (code === handset?.lifted) return { by: 'handset', offHook: true };
  if (code === handset?.down) return { by: 'handset', offHook: false };
  if (code === extension?.lifted) return { by: 'extension', offHook: true };
  if (code === extension?.down) return { by: 'extension', offHook: false };
  return undefined;
}

/** Keeps which telephones are off hook in whatever phase it is told: one lifted in a call may stay so when the call is over. */
export function withTelephones(state: State, input: Input): State {
  if (input.type !== 'code' || !('modem' in state)) return state;
  const { modem } = state;
  const told = telephoneOf(modem, input.code);
  if (told === undefined) return state;
  const others = modem.lifted.filter((telephone) => telephone !== told.by);
  return { ...state, modem: { ...modem, lifted: told.offHook ? [...others, told.by] : others } };
}

/** A line that rings has no telephone off hook, whatever the modem told or missed. */
export function noneLifted(modem: Modem): Modem {
  return { ...modem, lifted: [] };
}

/** Of a line without a call of ours: nobody dials into the conversation of others. */
export function waitingStatus({ description, lifted }: Modem): LineStatus {
  const by = lifted.at(-1);
  return by === undefined ? { state: 'idle', modem: description } : { state: 'in-use', modem: description, by };
}
