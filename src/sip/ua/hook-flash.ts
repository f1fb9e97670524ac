import type { SipRequest } from '#sip/message/message.ts';

const HOOK_FLASH = 'application/hook-flash';
const DTMF_RELAY = 'application/dtmf-relay';

/** Types of INFO bodies that are understood. No RFC gives them; phones and adapters made since the 1990s send them. */
export const INFO_TYPES: readonly string[] = [HOOK_FLASH, DTMF_RELAY];

/** More than any such body has. */
const MAX_BODY = 256;

/** Whether an INFO says that the far end pressed its hook flash: by its type alone, or as a signal beside digits. */
export function tellsFlash(request: SipRequest): boolean {
  const type = (request.headers.value('Content-Type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === HOOK_FLASH) return true;
  if (type !== DTMF_RELAY || request.body.length > MAX_BODY) return false;
  return /^signal\s*=\s*(?:hf|flash|16)\s*$/im.test(Buffer.from(request.body).toString('latin1'));
}
