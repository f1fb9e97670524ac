import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import type { Destination } from '#reload/wire/destination.ts';
import { type NodeId, type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';

/** Whether an answer about a resource may come from `signer`: none nearer is known (RFC 6940 §6.3.4). Topology knows. */
export type ClosenessCheck = (resource: ResourceId, signer: NodeId) => boolean;

export interface ExpectedOrigin {
  readonly destination: readonly Destination[];
  /** The neighbour that a request to the wildcard went to. */
  readonly firstHop: NodeId | undefined;
  readonly isCloseEnough: ClosenessCheck;
}

/** Errors that nodes on the way make, not the target alone (RFC 6940 §6.1, §6.3.2). */
const FORWARDERS_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.forbidden,
  ErrorCode.incompatibleWithOverlay,
  ErrorCode.unsupportedForwardingOption,
  ErrorCode.ttlExceeded,
  ErrorCode.messageTooLarge,
  ErrorCode.invalidMessage,
]);

/**
 * What an answer with a valid signature is worth (RFC 6940 §6.3.4): the target's word, a hint from a node on the way, which proves
 * nothing about the target, or nothing.
 */
export function judgeOrigin(
  expected: ExpectedOrigin,
  signer: NodeId,
  answer: { readonly code: number; readonly errorCode: number | undefined },
): 'answer' | 'hint' | 'refuse' {
  if (comesFromTarget(expected, signer)) return 'answer';
  const { code, errorCode } = answer;
  return code === MessageCode.error && errorCode !== undefined && FORWARDERS_ERRORS.has(errorCode) ? 'hint' : 'refuse';
}

function comesFromTarget(expected: ExpectedOrigin, signer: NodeId): boolean {
  const target = expected.destination.at(-1);
  if (target === undefined) return false;
  if (target.type === 'resource') {
    // A route that begins at a chosen node asks for that node's view of the ring, to find a second ring (RFC 6940 §10.7.4.4).
    return expected.destination.length > 1 || expected.isCloseEnough(target.id, signer);
  }
  if (target.type === 'opaque') return true;
  if (target.type === 'unknown') return false;
  if (target.id !== WILDCARD_NODE_ID) return target.id === signer;
  return expected.firstHop === undefined || expected.firstHop === signer;
}
