import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';

type Rules = Pick<OverlayConfiguration, 'pstnDomain' | 'gatewayPrefixLengths'>;

const ANY_DESTINATION = 'x-pstn-gateway';

/**
 * Whether a certificate's user name makes its node a gateway to trust: only the operator gives out names of the gateway domain, and the
 * signed configuration says which one that is. A ReDiR registration proves nothing, since every node may register for every service.
 */
export function isGatewayName(userName: string, { pstnDomain }: Pick<Rules, 'pstnDomain'>): boolean {
  const at = userName.lastIndexOf('@');
  return at > 0 && userName.slice(at + 1).toLowerCase() === pstnDomain.toLowerCase();
}

/** The namespaces in which a gateway registers: the common one, and the longest that the configuration allows for each prefix. */
export function gatewayNamespaces(prefixes: readonly string[], rules: Rules): readonly string[] {
  const namespaces = new Set([ANY_DESTINATION]);
  for (const digits of prefixes) {
    const [longest] = lengthsUpTo(digits.length, rules);
    namespaces.add(namespaceOf(digits.slice(0, longest ?? 0)));
  }
  return [...namespaces];
}

/** Where to look for gateways to a number (digits of E.164 without the plus sign), the longest prefix first. */
export function searchNamespaces(digits: string, rules: Rules): readonly string[] {
  const lengths = lengthsUpTo(digits.length, rules).filter((length) => length > 0);
  return [...lengths.map((length) => namespaceOf(digits.slice(0, length))), ANY_DESTINATION];
}

function lengthsUpTo(most: number, { gatewayPrefixLengths }: Rules): readonly number[] {
  return [...new Set(gatewayPrefixLengths)].filter((length) => length <= most).sort((a, b) => b - a);
}

function namespaceOf(digits: string): string {
  return digits === '' ? ANY_DESTINATION : `${ANY_DESTINATION}:+${digits}`;
}
