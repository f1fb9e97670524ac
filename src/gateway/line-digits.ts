import type { LineConfig } from '#config/line.ts';
import type { Diallable } from '#gateway/dial-plan.ts';
import { type NumberPlan, nationalPart } from '#gateway/number-plan.ts';

/** What a line and its country make of a number. */
export interface LineNumbering {
  readonly plan: NumberPlan;
  readonly dial: LineConfig['dial'];
  readonly areaCode: string | undefined;
}

export type LineDigits =
  | { readonly digits: string }
  /** This line can't dial it. */
  | { readonly unusable: string };

/** What the modem takes at once. */
const MAX_DIGITS = 64;

/**
 * What has to be dialled on a line: the way out of the PBX, the code that withholds the own number when the caller wants that, then the
 * number as the first fitting rule has it, else as the country dials it. Short numbers are dialled as they are.
 */
export function lineDigits(dialled: Diallable, numbering: LineNumbering, withheld = false): LineDigits {
  const { dial, plan } = numbering;
  if (dialled.kind === 'short') return { digits: dialled.digits };
  // Neither carriers nor privacy: the number has to reach the nearest service, which has to see who calls.
  if (dialled.kind === 'emergency')
    return { digits: modemDigits((dial.emergency_access ?? dial.access) + dialled.digits) };
  const withhold = dial.withhold ?? plan.withhold ?? '';
  if (withheld && withhold === '') return { unusable: 'this line cannot withhold its number' };
  const written = write(dialled.e164, numbering);
  if (written === undefined) return { unusable: 'these digits would mean another number on this line' };
  const digits = modemDigits(dial.access + (withheld ? withhold : '') + written);
  return digits.length <= MAX_DIGITS ? { digits } : { unusable: 'the number is too long for this line' };
}

/** Modems want capital letters. */
function modemDigits(digits: string): string {
  return digits.toUpperCase();
}

/** undefined where the exchange would take the result for another kind of number than the one that was judged. */
function write(e164: string, numbering: LineNumbering): string | undefined {
  const { dial, plan, areaCode } = numbering;
  const number = e164.slice(1);
  const rule = dial.rules.find(
    ({ match, min_digits: least, max_digits: most }) =>
      e164.startsWith(match) && number.length >= least && number.length <= most,
  );
  const national = nationalPart(e164, plan);
  if (rule) {
    const rest = number.slice(rule.strip);
    const digits = rule.insert + rest;
    return national !== undefined && plan.leadsAbroad(digits) && !plan.leadsAbroad(rule.insert) ? undefined : digits;
  }
  if (national === undefined) return dial.carrier + plan.internationalPrefix + number;
  if (dial.local && areaCode !== undefined && national.startsWith(areaCode)) {
    const local = national.slice(areaCode.length);
    if (isPlainlyLocal(local, plan)) return local;
  }
  const digits = plan.nationalPrefix + national;
  return plan.leadsAbroad(digits) ? undefined : dial.carrier + digits;
}

/**
 * A local number begins neither like a national or an international one nor like an emergency number, at which the exchange would connect
 * at once; in the North American plan neither with 0 nor with 1.
 */
function isPlainlyLocal(local: string, { callingCode, nationalPrefix, emergency, leadsAbroad }: NumberPlan): boolean {
  if (local === '' || leadsAbroad(local)) return false;
  const others = callingCode === '1' ? ['0', '1'] : [nationalPrefix];
  return ![...others, ...emergency].some((start) => start !== '' && local.startsWith(start));
}
