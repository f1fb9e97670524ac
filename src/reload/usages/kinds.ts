import { BASE_POLICIES, type PolicyFactory } from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import { certificateKinds } from '#reload/usages/certificate/certificate-kinds.ts';
import { nodeIdMatchFactory, redirKind } from '#reload/usages/redir/redir-kind.ts';
import { sipRegistrationKind } from '#reload/usages/sip/sip-registration-kind.ts';
import { turnKind } from '#reload/usages/turn/turn-kind.ts';

/** The registered Kinds that this program supports; private ones come from the configuration document. */
export const BUILT_IN_KINDS: readonly BuiltInKind[] = [...certificateKinds, turnKind, sipRegistrationKind, redirKind];

/** Every access policy by its name (RFC 6940 §14.4, RFC 7374 §10.1). */
export const ACCESS_POLICIES: ReadonlyMap<string, PolicyFactory> = new Map<string, PolicyFactory>([
  ...BASE_POLICIES,
  ['NODE-ID-MATCH', nodeIdMatchFactory],
]);
