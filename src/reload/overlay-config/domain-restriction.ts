import type { KindConfiguration } from '#reload/overlay-config/configuration.ts';
import { compilePattern } from '#reload/overlay-config/posix-pattern.ts';

/** Whether a user name (`alice@home.example`) may be a resource name in this overlay. */
export type UserNameFilter = (userName: string) => boolean;

/**
 * RFC 7904 §3.4: without the element every domain is admitted; with it the overlay's own domain only, or, when enabled, the domains
 * that one of its patterns matches as a whole. Domains are compared in lower case.
 */
export function createUserNameFilter(
  restriction: KindConfiguration['domainRestriction'],
  overlayName: string,
): UserNameFilter {
  if (restriction === undefined) return () => true;
  if (!restriction.enable) return (userName) => domainOf(userName) === overlayName.toLowerCase();
  const patterns = restriction.patterns.flatMap((text) => compilePattern(text.toLowerCase()) ?? []);
  return (userName) => {
    const domain = domainOf(userName);
    return domain !== undefined && patterns.some((matches) => matches(domain));
  };
}

function domainOf(userName: string): string | undefined {
  const at = userName.lastIndexOf('@');
  return at < 0 || userName.length > 254 ? undefined : userName.slice(at + 1).toLowerCase();
}
