import { describe, expect, it } from 'vitest';
import type { WriteAttempt } from '#reload/storage/kind.ts';
import { nodeIdMatch } from '#reload/usages/redir/redir-kind.ts';
import { type TreeNode, treeNodeResource } from '#reload/usages/redir/redir-tree.ts';
import { encode } from '#reload/wire/codec.ts';
import { idBytes, type NodeId } from '#reload/wire/ids.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';

const NODE = '0123456789abcdef0123456789abcdef' as NodeId;
const HIGH = 'fedcba9876543210fedcba9876543210' as NodeId;
const policy = nodeIdMatch({ bits: 128, branching: 10 });

interface Variation {
  readonly key?: NodeId;
  readonly signer?: NodeId;
  readonly exists?: boolean;
  readonly at?: TreeNode;
  readonly storedAt?: TreeNode;
  readonly value?: Uint8Array;
}

function attempt({
  key = NODE,
  signer = key,
  exists = true,
  at = { level: 2, node: 0 },
  ...more
}: Variation = {}): WriteAttempt {
  const record = { type: 0, destinationList: [], namespace: 'voice-mail', ...at, extension: new Uint8Array() };
  return {
    resource: treeNodeResource('voice-mail', more.storedAt ?? at),
    value: {
      model: 'dictionary',
      key: idBytes(key),
      exists,
      value: more.value ?? (exists ? encode(redirServiceProvider, record) : new Uint8Array()),
    },
    signer: { nodeId: signer, userName: 'x@home.example' },
  };
}

describe('NODE-ID-MATCH', () => {
  it('R7374-5-01 lets only the node itself write and remove under its key', () => {
    expect(policy(attempt())).toBeUndefined();
    expect(policy(attempt({ signer: HIGH }))).toBeDefined();
    expect(policy(attempt({ signer: HIGH, exists: false }))).toBeDefined();
  });

  it('R7374-5-02 R7374-9-01 lets it write at one tree node of each level only', () => {
    expect(policy(attempt({ at: { level: 1, node: 0 } }))).toBeUndefined();
    expect(policy(attempt({ key: HIGH, at: { level: 1, node: 0 } }))).toContain('interval');
    expect(policy(attempt({ key: HIGH, at: { level: 1, node: 9 } }))).toBeUndefined();
    expect(policy(attempt({ at: { level: 5, node: 0 } }))).toContain('level');
  });

  it('R7374-5-03 wants the record at the Resource-ID that it names', () => {
    expect(policy(attempt({ storedAt: { level: 1, node: 0 } }))).toContain('Resource-ID');
  });

  it('R7374-5-05 lets it remove its record anywhere', () => {
    expect(policy(attempt({ exists: false, storedAt: { level: 3, node: 77 } }))).toBeUndefined();
  });

  it('R7374-4.1-05 refuses what is no record, or has an extension without a type; R7374-4.1-02 takes unknown types', () => {
    expect(policy(attempt({ value: new Uint8Array(7) }))).toContain('well-formed');
    const record = (type: number) =>
      encode(redirServiceProvider, {
        type,
        destinationList: [],
        namespace: 'voice-mail',
        level: 2,
        node: 0,
        extension: new Uint8Array(5),
      });
    expect(policy(attempt({ value: record(0) }))).toContain('well-formed');
    expect(policy(attempt({ value: record(9) }))).toBeUndefined();
  });

  it('admits key 5 of the 4-bit example at its own tree nodes only', () => {
    const toy = nodeIdMatch({ bits: 4, branching: 2 });
    const five = '05' as NodeId;
    for (const [level, node] of [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 2],
    ] as const) {
      expect(toy(attempt({ key: five, at: { level, node } }))).toBeUndefined();
    }
    for (const [level, node] of [
      [1, 1],
      [2, 0],
    ] as const)
      expect(toy(attempt({ key: five, at: { level, node } }))).toBeDefined();
  });
});
