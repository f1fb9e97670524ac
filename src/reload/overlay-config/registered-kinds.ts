import type { DataModelName } from '#reload/overlay-config/configuration.ts';
import { KindId } from '#reload/wire/codes.ts';

/** What the registry says of a Kind; a document's own words on model and access are ignored for these (RFC 6940 §11.1). */
export interface RegisteredKind {
  readonly id: number;
  readonly dataModel: DataModelName;
  readonly accessControl: string;
}

/** Kinds with an IANA name that this node supports (RFC 6940 §14.6, RFC 7904 §8, RFC 7374 §9). */
export const REGISTERED_KINDS: ReadonlyMap<string, RegisteredKind> = new Map<string, RegisteredKind>([
  ['SIP-REGISTRATION', { id: KindId.sipRegistration, dataModel: 'DICTIONARY', accessControl: 'USER-NODE-MATCH' }],
  ['TURN-SERVICE', { id: KindId.turnService, dataModel: 'SINGLE', accessControl: 'NODE-MULTIPLE' }],
  ['CERTIFICATE_BY_NODE', { id: KindId.certificateByNode, dataModel: 'ARRAY', accessControl: 'NODE-MATCH' }],
  ['CERTIFICATE_BY_USER', { id: KindId.certificateByUser, dataModel: 'ARRAY', accessControl: 'USER-MATCH' }],
  ['REDIR', { id: KindId.redir, dataModel: 'DICTIONARY', accessControl: 'NODE-ID-MATCH' }],
]);

export const ACCESS_POLICIES: ReadonlySet<string> = new Set([
  'USER-MATCH',
  'NODE-MATCH',
  'USER-NODE-MATCH',
  'NODE-MULTIPLE',
  'NODE-ID-MATCH',
]);

/** Kind-IDs a document may define itself (RFC 6940 §14.6; 0xFFFFFFFE and 0xFFFFFFFF are reserved). */
export function isPrivateKindId(id: number): boolean {
  return id >= 0xf0000001 && id <= 0xfffffffd;
}
