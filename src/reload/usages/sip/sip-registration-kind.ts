import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { createUserNameFilter, type UserNameFilter } from '#reload/overlay-config/domain-restriction.ts';
import { userNodeMatch } from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import { parseAor } from '#reload/usages/sip/aor.ts';
import { KindId } from '#reload/wire/codes.ts';

/** Which user names may register in the overlay (RFC 7904 §3.4). */
export function registrableNames(configuration: OverlayConfiguration): UserNameFilter {
  const element = configuration.kinds.find(({ id }) => id === KindId.sipRegistration);
  return createUserNameFilter(element?.domainRestriction, configuration.instanceName);
}

/**
 * RFC 7904 §7. The AOR is not on the wire: it is the user name of the signer, whose hash the policy compares with the Resource-ID.
 * Its domain is looked at first, since that costs nothing.
 */
export const sipRegistrationKind: BuiltInKind = {
  id: KindId.sipRegistration,
  name: 'SIP-REGISTRATION',
  dataModel: 'dictionary',
  maxCount: 32,
  maxSize: 2048,
  valueFormat: 'SipRegistration, text in UTF-8',
  resourceName: 'the AOR in UTF-8',
  merge: 'latest-storage-time',
  // The hashes of all AORs are a list of all users.
  unlisted: true,
  policy(configuration) {
    const isRegistrable = registrableNames(configuration);
    return (attempt) => {
      const { userName } = attempt.signer;
      if (!isRegistrable(userName)) return 'the domain of the user name is not one of this overlay';
      if (parseAor(userName) === undefined) return 'the user name is not an AOR';
      return userNodeMatch(attempt);
    };
  },
};
