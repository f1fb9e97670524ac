import { type NumberPlan, nationalPart } from '#gateway/number-plan.ts';

/** What somebody asked for. */
export type Dialled =
  | { readonly kind: 'user'; readonly aor: string }
  /** `e164` with its plus sign. */
  | { readonly kind: 'number'; readonly e164: string }
  /** `digits` as this country's exchanges know them; `isTest` for numbers that only the configuration treats as such. */
  | { readonly kind: 'emergency'; readonly digits: string; readonly isTest: boolean }
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
  /** The own area code, by which numbers without one are read. */
  readonly areaCode?: string | undefined;
  /** What PBXs in front of the lines want dialled first: people dial it before emergency numbers too. */
  readonly accessCodes?: readonly string[];
  /** Numbers that are treated as emergency numbers, to try that out. */
  readonly emergencyTests?: readonly string[];
}

/** Emergency numbers that people dial abroad out of habit; they lead to the country's own. */
const WELL_KNOWN = ['112', '911', '999'];

const MAX_URI = 1024;
const VISUAL_SEPARATORS = /[-.()]/g;

/**
 * Reads a Request-URI as a phone or a peer sends it: a tel: URI (RFC 3966), a number as the user part of a sip: URI
 * (`user=phone`, or simply digits), a user's address, or urn:service:sos (RFC 5031). National numbers are read by the country's plan.
 */
export async function readDialled(requestUri: string, context: DialledContext): Promise<Dialled> {
  if (requestUri.length > MAX_URI) return unusable('the address is too long');
  const scheme = requestUri.slice(0, requestUri.indexOf(':') + 1).toLowerCase();
  const rest = requestUri.slice(scheme.length);
  if (scheme === 'tel:') return readSubscriber(rest, context);
  if (scheme === 'urn:' && /^service:sos(?:\.[a-z0-9.-]{1,64})?$/i.test(rest))
    return emergency(context.plan.emergency[0] ?? '112');
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
  if (/^\+\d{1,15}$/.test(number)) return globalNumber(number, context);
  if (!/^[0-9*#]{1,32}$/.test(number)) return unusable('this is no telephone number');
  const phoneContext = contextOf(parameters);
  if (phoneContext?.startsWith('+')) {
    const prefix = phoneContext.replace(VISUAL_SEPARATORS, '');
    return /^\+\d{1,15}$/.test(prefix) && /^\d+$/.test(number)
      ? globalNumber(`${prefix}${number}`, context)
      : unusable('the phone-context is malformed');
  }
  return localNumber(number, context);
}

function contextOf(parameters: readonly string[]): string | undefined {
  const found = parameters.find((parameter) => parameter.toLowerCase().startsWith('phone-context='));
  return found?.slice('phone-context='.length).toLowerCase();
}

function globalNumber(e164: string, context: DialledContext): Dialled {
  const { plan, areaCode } = context;
  const national = nationalPart(e164, plan);
  if (national !== undefined) {
    const known = emergencyNumber(national, plan) ?? emergencyNumber(without(areaCode, national), plan);
    if (known !== undefined) return emergency(known);
    // The exchange would hear the international prefix, and the number behind it is not the one that was judged.
    if (plan.leadsAbroad(plan.nationalPrefix + national)) return unusable('this is no national number');
  }
  return /^\+[1-9]\d{2,14}$/.test(e164) ? { kind: 'number', e164 } : unusable('this is no E.164 number');
}

async function localNumber(digits: string, context: DialledContext): Promise<Dialled> {
  const { plan, shortNumbers, areaCode, emergencyTests = [] } = context;
  if (emergencyTests.includes(digits)) return { kind: 'emergency', digits, isTest: true };
  const exact = emergencyNumber(digits, plan);
  if (exact !== undefined) return emergency(exact);
  if (shortNumbers.includes(digits)) return { kind: 'short', digits };
  const prefixed = prefixedEmergency(digits, context);
  if (prefixed !== undefined) return emergency(prefixed);
  if (/[*#]/.test(digits)) return unusable('service codes of the line cannot be dialled');
  if (digits.startsWith(plan.internationalPrefix)) {
    return globalNumber(`+${digits.slice(plan.internationalPrefix.length)}`, context);
  }
  if (isLocal(digits, plan)) {
    if (areaCode === undefined) return unusable('a number without area code needs line.area_code');
    return globalNumber(`+${plan.callingCode}${areaCode}${digits}`, context);
  }
  // Loaded at the first national number: its tables are large.
  const { parsePhoneNumberFromString } = await import('libphonenumber-js');
  const parsed = parsePhoneNumberFromString(digits, { defaultCountry: plan.country, extract: false });
  return parsed?.isPossible() ? globalNumber(parsed.number, context) : unusable('this number is not complete');
}

/** Whether a number lacks its area code: it has no national prefix where there is one, or seven digits in the North American plan. */
function isLocal(digits: string, { callingCode, nationalPrefix }: NumberPlan): boolean {
  if (callingCode === '1') return digits.length === 7;
  return nationalPrefix !== '' && !digits.startsWith(nationalPrefix);
}

/** What to dial for an emergency number, this country's or a well-known one; undefined for other digits. */
function emergencyNumber(digits: string | undefined, plan: NumberPlan): string | undefined {
  if (digits === undefined) return undefined;
  if (plan.emergency.includes(digits)) return digits;
  return WELL_KNOWN.includes(digits) ? plan.emergency[0] : undefined;
}

/** People and phones put prefixes before everything: the way out of a PBX, the national prefix, the area code. */
function prefixedEmergency(digits: string, { plan, areaCode, accessCodes = [] }: DialledContext): string | undefined {
  const { nationalPrefix, internationalPrefix, callingCode } = plan;
  const prefixes = [
    nationalPrefix,
    `${nationalPrefix}${areaCode ?? ''}`,
    areaCode,
    `${internationalPrefix}${callingCode}`,
  ];
  for (const prefix of [...prefixes, ...accessCodes]) {
    const found = emergencyNumber(without(prefix, digits), plan);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What follows the prefix; undefined where it is missing or empty. */
function without(prefix: string | undefined, digits: string): string | undefined {
  return prefix !== undefined && prefix !== '' && digits.startsWith(prefix) ? digits.slice(prefix.length) : undefined;
}

function emergency(digits: string): Dialled {
  return { kind: 'emergency', digits, isTest: false };
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
