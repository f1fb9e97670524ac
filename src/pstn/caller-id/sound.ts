import { dtmfSound } from '#media/dtmf.ts';
import { type FskStandard, fskSound } from '#media/fsk.ts';
import { callSetupMessage } from '#pstn/caller-id/message.ts';
import type { CallerIdBlock } from '#pstn/caller-id.ts';

/** Telcordia GR-30-CORE §2.3.1 for calls that ring: 300 bits of seizure and 180 of mark. */
const SEIZURE_BITS = 300;
const MARK_BITS = 180;
/** Keys of 70 ms with pauses as long (ETSI EN 300 659-1 annex B). */
const KEY_MS = 70;

/** Caller ID as an exchange sends it on a line on hook, mu-law. `P` and `O` as number or name mean withheld and not known. */
export function callerIdSound(by: FskStandard | 'dtmf', block: CallerIdBlock): Uint8Array {
  if (by === 'dtmf') return dtmfSound(keysOf(block.number ?? 'O'), KEY_MS, KEY_MS);
  return fskSound({ standard: by, bytes: callSetupMessage(block), seizureBits: SEIZURE_BITS, markBits: MARK_BITS });
}

function keysOf(number: string): string {
  if (number === 'P') return 'B10C';
  return number === 'O' ? 'B00C' : `A${number.replace(/[^0-9]/g, '')}C`;
}
