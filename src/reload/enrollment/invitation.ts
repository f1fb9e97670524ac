import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { isDomainName } from '#reload/overlay-config/values.ts';

/** What an operator hands to a new member: where the document is and whose signature to believe. */
export interface Invitation {
  /** URL of the configuration document. */
  readonly url: string;
  readonly overlayName: string;
  /** Lower-case hex SHA-256 of the overlay's root certificate (DER). */
  readonly rootFingerprint: string;
}

/** One line without blanks: `https://host/.well-known/reload-config#home.example,sha256-<hex>`. */
export function printInvitation({ url, overlayName, rootFingerprint }: Invitation): string {
  return `${url}#${overlayName},sha256-${rootFingerprint}`;
}

/** Throws `Failure<EnrollmentFault>`. */
export function parseInvitation(text: string): Invitation {
  const [, url, overlayName, digits] =
    /^(https:\/\/[^\s#]{1,1000})#([^\s,]{1,253}),sha256-([0-9a-fA-F]{64})$/.exec(text.trim()) ?? [];
  if (
    url === undefined ||
    overlayName === undefined ||
    digits === undefined ||
    !URL.canParse(url) ||
    !isDomainName(overlayName)
  )
    throw enrollmentFailure(
      { code: 'bad-invitation' },
      'An invitation is one line such as https://host/.well-known/reload-config#home.example,sha256-<64 hex digits>. Copy it whole.',
    );
  return { url, overlayName, rootFingerprint: digits.toLowerCase() };
}
