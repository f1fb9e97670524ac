import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import {
  type AccessPolicy,
  keyIsSigner,
  type PolicyFactory,
  requireDictionary,
} from '#reload/storage/access-policy.ts';
import type { BuiltInKind } from '#reload/storage/kind-registry.ts';
import {
  DEFAULT_BRANCHING_FACTOR,
  highestLevel,
  keyOf,
  nodeAt,
  type TreeShape,
  treeNodeResource,
} from '#reload/usages/redir/redir-tree.ts';
import { decode } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { type RedirServiceProvider, redirServiceProvider } from '#reload/wire/redir.ts';

/** The shape of this overlay's trees: its branching factor stands in the REDIR Kind (RFC 7374 §8). */
export function treeShapeOf(configuration: OverlayConfiguration): TreeShape {
  const element = configuration.kinds.find(({ id }) => id === KindId.redir);
  return {
    bits: 8 * configuration.nodeIdLength,
    branching: element?.branchingFactor ?? DEFAULT_BRANCHING_FACTOR,
  };
}

/** RFC 7374 §5: the key is the signer, and a record that exists says truly where in its tree it is. */
export function nodeIdMatch(shape: TreeShape): AccessPolicy {
  return (attempt) => {
    const reason = keyIsSigner(attempt);
    if (reason !== undefined || !attempt.value.exists) return reason;
    const record = parseProvider(attempt.value.value);
    if (record === undefined) return 'NODE-ID-MATCH: the value is not a well-formed ReDiR record';
    return misplaced(shape, record, attempt.signer.nodeId, attempt.resource);
  };
}

function misplaced(
  shape: TreeShape,
  record: RedirServiceProvider,
  nodeId: NodeId,
  resource: ResourceId,
): string | undefined {
  if (record.level > highestLevel(shape)) return 'NODE-ID-MATCH: the tree does not reach down to that level';
  if (nodeAt(shape, record.level, keyOf(nodeId)) !== record.node) {
    return 'NODE-ID-MATCH: the Node-ID lies in no interval of that tree node';
  }
  if (treeNodeResource(record.namespace, record) !== resource) {
    return 'NODE-ID-MATCH: the record belongs at another Resource-ID';
  }
  return undefined;
}

/** Undefined unless the bytes are one record; a record without an extension type has no extension (RFC 7374 §4.1). */
export function parseProvider(bytes: Uint8Array): RedirServiceProvider | undefined {
  try {
    const record = decode(redirServiceProvider, bytes);
    return record.type === 0 && record.extension.length > 0 ? undefined : record;
  } catch {
    return undefined;
  }
}

/** For Kinds that a configuration document defines with this policy. */
export const nodeIdMatchFactory: PolicyFactory = (kind) => {
  requireDictionary(kind);
  return nodeIdMatch({ bits: 128, branching: kind.branchingFactor ?? DEFAULT_BRANCHING_FACTOR });
};

/** RFC 7374 §6. */
export const redirKind: BuiltInKind = {
  id: KindId.redir,
  name: 'REDIR',
  dataModel: 'dictionary',
  maxCount: 64,
  maxSize: 1024,
  valueFormat: 'RedirServiceProvider, its namespace in UTF-8',
  resourceName: 'namespace, level and number of the tree node',
  merge: 'latest-storage-time',
  policy: (configuration) => nodeIdMatch(treeShapeOf(configuration)),
};
