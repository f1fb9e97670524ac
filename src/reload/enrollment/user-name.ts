import { isDomainName } from '#reload/overlay-config/values.ts';

const MAX_LENGTH = 254;

/**
 * The one spelling of a user name (`alice@home.example`) that is issued, since Resource-IDs are hashes of its bytes: the host in lower
 * case, the user part as given. Undefined when it is no user name: printable ASCII without blanks, quotes and escapes, one `@`.
 */
export function canonicalUserName(text: string): string | undefined {
  const at = text.indexOf('@');
  const user = text.slice(0, at);
  const host = text.slice(at + 1).toLowerCase();
  if (at < 1 || text.length > MAX_LENGTH || !isDomainName(host)) return undefined;
  return /^[A-Za-z0-9!#$&'*+\-./=?^_`{|}~]+$/.test(user) ? `${user}@${host}` : undefined;
}
