import type { LineNumbering } from '#gateway/line-digits.ts';
import type { CallerId } from '#pstn/line.ts';

const MAX_DIGITS = 32;

/**
 * The caller ID with its number as E.164 where the line's country says what it means: lines tell national, local and international
 * numbers. What stays unclear, such as an extension of the PBX, is left as it was told.
 */
export async function readToldNumber(callerId: CallerId, numbering: LineNumbering): Promise<CallerId> {
  // Whatever came beside the mark (RFC 3323 §4.2): nothing of it goes on.
  if (callerId.presentation === 'withheld') return { number: undefined, name: undefined, presentation: 'withheld' };
  if (callerId.number === undefined) return callerId;
  const written = callerId.number.replace(/[\s().-]/g, '');
  if (!/^\+?[0-9]+$/.test(written) || written.length > MAX_DIGITS) return callerId;
  return { ...callerId, number: (await globalNumber(written, numbering)) ?? callerId.number };
}

async function globalNumber(written: string, { plan, areaCode, dial }: LineNumbering): Promise<string | undefined> {
  if (written.startsWith('+')) return asE164(written.slice(1));
  const { caller_access: access } = dial;
  const digits = access !== '' && written.startsWith(access) ? written.slice(access.length) : written;
  const { internationalPrefix, nationalPrefix, callingCode, country } = plan;
  // Exchanges everywhere tell numbers abroad with 00, and some leave the prefix of their own country out.
  for (const prefix of [internationalPrefix, '00']) {
    if (digits.startsWith(prefix) && digits.length > prefix.length + 7) return asE164(digits.slice(prefix.length));
  }
  const hasPrefix = nationalPrefix !== '' && digits.startsWith(nationalPrefix);
  // Loaded at the first such number: its tables are large.
  const { parsePhoneNumberFromString } = await import('libphonenumber-js');
  const possible = (text: string) => {
    const parsed = parsePhoneNumberFromString(text, { defaultCountry: country, extract: false });
    return parsed?.isPossible() === true && parsed.countryCallingCode === callingCode ? parsed.number : undefined;
  };
  const isWhole = nationalPrefix === '' || hasPrefix || (callingCode === '1' && digits.length === 10);
  if (isWhole) return possible(digits);
  return areaCode === undefined ? undefined : possible(`+${callingCode}${areaCode}${digits}`);
}

function asE164(digits: string): string | undefined {
  return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : undefined;
}
