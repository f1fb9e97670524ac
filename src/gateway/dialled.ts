import type { NumberPlan } from '#gateway/number-plan.ts';

/** What somebody asked for. */
export type Dialled =
  | { readonly kind: 'user'; readonly aor: string }
  /** `e164` with its plus sign. */
  | { readonly kind: 'number'; readonly e164: string }
  | { readonly kind: 'emergency'; readonly digits: string }
  /** A number that only this line knows, to be dialled as it is. */
  | { readonly kind: 'short'; readonly digits: string }
  | { readonly kind: 'unusable'; readonly why: string };

export interface DialledContext {
  /** The overlay's name: AORs and numbers of its users. */
  readonly overlay: string;
  /** The domain of its gateways. */
  readonly pstnDomain: string;
  readonly plan: NumberPlan;
  readonly shortNumbers: readonly string[];
}

const MAX_URI = 1024;
const VISUAL_SEPARATORS = /[-.()]/g;

/**
 * Reads a Request-URI as a phone or a peer sends it: a tel: URI (RFC 3966), a number as the user part of a sip: URI
 * (`user=phone`, or simply digits), or a user's address. National numbers are read by the country's plan.
 */
export async function readDialled(requestUri: string, context: DialledContext): Promise<Dialled> {
  if (requestUri.length > MAX_URI) return unusable('the address is too long');
  const scheme = requestUri.slice(0, requestUri.indexOf(':') + 1).toLowerCase();
  const rest = requestUri.slice(scheme.length);
  if (scheme === 'tel:') return readSubscriber(rest, context);
  if (scheme !== 'sip:' && scheme !== 'sips:') return unusable('only sip:, sips: and tel: addresses are known');
  const at = rest.indexOf('@');
  if (at < 1) return unusable('the address names no user');
  const user = decodeUser(rest.slice(0, at));
  const [host = '', ...parameters] = (rest.slice(at + 1).split('?', 1)[0] ?? '').split(';');
  if (user === undefined) return unusable('the user part is malformed');
  const isPhone = parameters.some((parameter) => parameter.toLowerCase() === 'user=phone');
  const subscriber = user.split(';', 1)[0] ?? '';
  if (isPhone || /^\+?[0-9*#().-]+$/.test(subscriber)) return readSubscriber(user, context);
  const domain = host.replace(/:\d{1,5}$/, '').toLowerCase();
  return { kind: 'user', aor: `${user}@${domain}` };
}

/** `telephone-subscriber` of RFC 3966 §3, its visual separators included. */
async function readSubscriber(text: string, context: DialledContext): Promise<Dialled> {
  const [written = '', ...parameters] = text.split(';', 33);
  if (parameters.length > 32) return unusable('the number has too many parameters');
  const number = written.replace(VISUAL_SEPARATORS, '');
  if (/^\+\d{1,15}$/.test(number)) return globalNumber(number, context.plan);
  if (!/^[0-9*#]{1,32}$/.test(number)) return unusable('this is no telephone number');
  const phoneContext = contextOf(parameters);
  if (phoneContext?.startsWith('+')) {
    const prefix = phoneContext.replace(VISUAL_SEPARATORS, '');
    return /^\+\d{1,15}$/.test(prefix) && /^\d+$/.test(number)
      ? globalNumber(`${prefix}${number}`, context.plan)
      : unusable('the phone-context is malformed');
  }
  return localNumber(number, context);
}

function contextOf(parameters: readonly string[]): string | undefined {
  const found = parameters.find((parameter) => parameter.toLowerCase().startsWith('phone-context='));
  return found?.slice('phone-context='.length).toLowerCase();
}

function globalNumber(e164: string, plan: NumberPlan): Dialled {
  const home = `+${plan.callingCode}`;
  const digits = e164.startsWith(home) ? e164.slice(home.length) : '';
  if (plan.emergency.includes(digits)) return { kind: 'emergency', digits };
  return /^\+[1-9]\d{2,14}$/.test(e164) ? { kind: 'number', e164 } : unusable('this is no E.164 number');
}

async function localNumber(digits: string, { plan, shortNumbers }: DialledContext): Promise<Dialled> {
  if (plan.emergency.includes(digits)) return { kind: 'emergency', digits };
  if (shortNumbers.includes(digits)) return { kind: 'short', digits };
  if (/[*#]/.test(digits)) return unusable('service codes of the line cannot be dialled');
  if (digits.startsWith(plan.internationalPrefix)) {
    return globalNumber(`+${digits.slice(plan.internationalPrefix.length)}`, plan);
  }
  // Loaded at the first national number: its tables are large.
  const { parsePhoneNumberFromString } = await import('libphonenumber-js');
  const parsed = parsePhoneNumberFromString(digits, { defaultCountry: plan.country, extract: false });
  return parsed?.isPossible() ? globalNumber(parsed.number, plan) : unusable('this number is not complete');
}

function decodeUser(text: string): string | undefined {
  if (text.includes('@') || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  try {
    const decoded = decodeURIComponent(text);
    return /^[\x21-\x3f\x41-\x7e]+$/.test(decoded) ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function unusable(why: string): Dialled {
  return { kind: 'unusable', why };
}
