/** What a country's numbering makes of digits. */
export interface NumberPlan {
  /** ISO 3166 code, as libphonenumber wants it. */
  readonly country: 'US' | 'GB' | 'DE' | 'FR';
  readonly callingCode: string;
  /** Dialled before a calling code. */
  readonly internationalPrefix: string;
  /** Dialled before a national number. */
  readonly nationalPrefix: string;
  readonly emergency: readonly string[];
  /** Starts of E.164 numbers with premium tariffs. */
  readonly premium: readonly string[];
}

export const numberPlans: Readonly<Record<NumberPlan['country'], NumberPlan>> = {
  US: {
    country: 'US',
    callingCode: '1',
    internationalPrefix: '011',
    nationalPrefix: '1',
    emergency: ['911', '112'],
    premium: ['+1900', '+1976'],
  },
  GB: {
    country: 'GB',
    callingCode: '44',
    internationalPrefix: '00',
    nationalPrefix: '0',
    emergency: ['999', '112'],
    premium: ['+44871', '+44872', '+44873', '+449'],
  },
  DE: {
    country: 'DE',
    callingCode: '49',
    internationalPrefix: '00',
    nationalPrefix: '0',
    emergency: ['112', '110'],
    premium: ['+49900', '+49137', '+4918', '+49118'],
  },
  FR: {
    country: 'FR',
    callingCode: '33',
    internationalPrefix: '00',
    nationalPrefix: '0',
    emergency: ['112', '15', '17', '18', '114', '115', '119', '196'],
    premium: ['+3389', '+33118'],
  },
};

/** What the line has to dial for a number. */
export function lineDigits(e164: string, plan: NumberPlan): string {
  const digits = e164.slice(1);
  return digits.startsWith(plan.callingCode)
    ? plan.nationalPrefix + digits.slice(plan.callingCode.length)
    : plan.internationalPrefix + digits;
}
