import type { CallWatch } from '#pstn/modem/machine/state.ts';

/** A call begins. */
export function newWatch(outgoing: boolean, reversed = false): CallWatch {
  return {
    outgoing,
    reversed,
    doubt: undefined,
    doubted: [],
    droppedAt: undefined,
    waitingAt: undefined,
    flashedAt: undefined,
  };
}
