import type { ConfigInput } from '#config/schema.ts';
import type { OwnOverlay } from '#gateway/own-overlay.ts';
import { BUSY_NUMBER, CALLBACK_NUMBER, NO_ANSWER_NUMBER } from '#pstn/emulator/number-plan.ts';

/** The number of the emulated line (a range reserved for fiction). */
const EMULATED_NUMBER = '+12025550100';

/** What runs without a configuration file: a ring of one peer, an emulated line, one phone, all on loopback. */
export function embeddedDefaults(overlay: OwnOverlay): ConfigInput {
  return {
    roles: ['peer', 'gateway', 'proxy'],
    log_level: 'warn',
    overlay: { name: overlay.overlayName, listen: '127.0.0.1:0', loopback: true, found: true },
    line: {
      name: 'emulated-line',
      emulated: true,
      country: 'US',
      number: EMULATED_NUMBER,
      rings: [overlay.phone.user],
    },
    dial_plan: {
      allow: [{ callers: [overlay.phone.user], prefixes: ['+1'] }],
      short_numbers: [CALLBACK_NUMBER, BUSY_NUMBER, NO_ANSWER_NUMBER],
    },
    phones: [overlay.phone],
    sip: { listen: '127.0.0.1:5060', any_port: true },
  };
}
