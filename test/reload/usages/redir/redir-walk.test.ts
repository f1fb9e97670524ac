import { describe, expect, it } from 'vitest';
import type { Random } from '#platform/random.ts';
import { type TreeNode, type TreeShape, treeNodeOf } from '#reload/usages/redir/redir-tree.ts';
import { findSuccessor, type Provider, register, type Tree } from '#reload/usages/redir/redir-walk.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Toy Node-IDs of one byte, so that trees over a few bits can be drawn on paper. */
const id = (n: number) => n.toString(16).padStart(2, '0') as NodeId;
const label = (at: TreeNode) => `(${at.level},${at.node})`;

class PaperTree {
  readonly shape: TreeShape;
  readonly nodes = new Map<string, Set<number>>();
  trace: string[] = [];

  constructor(shape: TreeShape) {
    this.shape = shape;
  }

  as(self: number): Tree {
    return {
      shape: this.shape,
      read: async (at) => {
        this.trace.push(label(at));
        return [...(this.nodes.get(label(at)) ?? [])].map(provider);
      },
      write: async (at) => {
        this.trace.push(`${label(at)}!`);
        const members = this.nodes.get(label(at)) ?? new Set();
        this.nodes.set(label(at), members.add(self));
      },
    };
  }

  async register(...providers: number[]): Promise<void> {
    for (const n of providers) await register(this.as(n), id(n));
  }

  async lookup(key: number, options: { start?: number; exclude?: number[]; random?: Random } = {}) {
    this.trace = [];
    const exclude = new Set((options.exclude ?? []).map(id));
    const search = { key: BigInt(key), exclude, startLevel: options.start ?? 2 };
    const found = await findSuccessor(this.as(-1), search, options.random ?? counting());
    return found === undefined ? undefined : Number.parseInt(found.provider.nodeId, 16);
  }

  content(): Record<string, number[]> {
    return Object.fromEntries([...this.nodes].map(([at, set]) => [at, [...set].sort((a, b) => a - b)] as const).sort());
  }
}

function provider(n: number): Provider {
  return { nodeId: id(n), destinations: [{ type: 'node', id: id(n) }] };
}

/** Walks evenly over its range. */
function counting(): Random {
  let i = 0;
  return {
    bytes: (length) => {
      i = (i + 37) % 256;
      return new Uint8Array(length).fill(0).fill(i, 0, 1);
    },
  };
}

const FOUR_BITS = { bits: 4, branching: 2 };

describe('ReDiR registration', () => {
  it('R7374-7.1-01 R7374-4.3-01 R7374-4.3-05 builds the tree of the worked example', async () => {
    const tree = new PaperTree(FOUR_BITS);
    await tree.register(2, 3, 7, 4);
    expect(tree.content()).toEqual({
      '(0,0)': [2, 3, 4, 7],
      '(1,0)': [2, 3, 4, 7],
      '(2,0)': [2, 3],
      '(2,1)': [4, 7],
      '(3,1)': [3],
    });
    await tree.register(2, 3, 7, 4);
    expect(tree.content()['(3,1)']).toEqual([2, 3]);
  });

  it.each([
    [2, [], '(2,0) (2,0)! (1,0) (1,0)! (0,0) (0,0)!'],
    [3, [2], '(2,0) (2,0)! (1,0) (1,0)! (0,0) (0,0)! (3,1) (3,1)!'],
    [7, [2, 3], '(2,1) (2,1)! (1,0) (1,0)! (0,0) (0,0)!'],
    [4, [2, 3, 7], '(2,1) (2,1)! (1,0) (1,0)! (0,0) (0,0)!'],
  ])(
    'R7374-4.3-02 R7374-4.3-06 R7374-4.3-07 R7374-4.3-09 provider %i after %j reads and writes %s',
    async (n, before, steps) => {
      const tree = new PaperTree(FOUR_BITS);
      await tree.register(...before);
      tree.trace = [];
      await tree.register(n);
      expect(tree.trace.join(' ')).toBe(steps);
    },
  );

  it('R7374-4.3-06 R7374-4.3-08 stores at the start level only when it is in the middle of its interval, and goes on down', async () => {
    const tree = new PaperTree({ bits: 8, branching: 2 });
    await tree.register(0x00, 0x1f, 0x02, 0x0a);
    tree.trace = [];
    await tree.register(0x05);
    const stores = tree.trace.filter((step) => step.endsWith('!'));
    expect(stores[0]).toBe('(2,0)!');
    expect(stores).not.toContain('(1,0)!');
    expect(tree.trace).toContain('(3,0)');
  });

  it('R7374-4.3-10 judges by the interval, not by the tree node: a sibling interval does not count', async () => {
    const tree = new PaperTree({ bits: 8, branching: 2 });
    await tree.register(0x3f, 0x3e, 0x3d);
    tree.trace = [];
    await tree.register(0x10);
    expect(tree.trace).toContain('(1,0)!');
    expect(tree.trace.some((step) => step.startsWith('(3,'))).toBe(false);
  });

  it('ends at the level where node numbers would no longer fit, even among neighbours that share every interval', async () => {
    const shape = { bits: 128, branching: 10 };
    const reads: number[] = [];
    const ids = ['5', '6', '7'].map((c) => c.padStart(32, '0') as NodeId);
    const tree: Tree = {
      shape,
      read: async (at) => {
        reads.push(at.level);
        return ids.map((nodeId) => ({ nodeId, destinations: [] }));
      },
      write: async () => {},
    };
    await register(tree, ids[1]!);
    expect(Math.max(...reads)).toBe(4);
  });
});

describe('ReDiR lookup', () => {
  async function example(): Promise<PaperTree> {
    const tree = new PaperTree(FOUR_BITS);
    await tree.register(2, 3, 7, 4);
    return tree;
  }

  it.each([
    [0, 2, '(2,0)', 2],
    [1, 2, '(2,0)', 2],
    [2, 2, '(2,0)', 3],
    [3, 2, '(2,0) (1,0)', 4],
    [4, 2, '(2,1)', 7],
    [5, 2, '(2,1)', 7],
    [6, 2, '(2,1)', 7],
    [5, 3, '(3,2) (2,1)', 7],
  ])(
    'R7374-7.2-01 R7374-4.5-01 R7374-4.5-03 R7374-4.5-05 of %i from level %i reads %s and finds %i',
    async (key, start, steps, found) => {
      const tree = await example();
      expect(await tree.lookup(key, { start })).toBe(found);
      expect(tree.trace.join(' ')).toBe(steps);
    },
  );

  it.each([
    [7, '(2,1) (1,0) (0,0)'],
    [9, '(2,2) (1,1) (0,0)'],
    [15, '(2,3) (1,1) (0,0)'],
  ])('R7374-4.5-07 of %i, which no provider follows, takes any of the root', async (key, steps) => {
    const tree = await example();
    const random = counting();
    const found = new Set<number | undefined>();
    for (let i = 0; i < 100; i += 1) found.add(await tree.lookup(key, { random }));
    expect(tree.trace.join(' ')).toBe(steps);
    expect([...found].sort()).toEqual([2, 3, 4, 7]);
  });

  it('R7374-4.5-07 of anything in an empty tree finds nothing', async () => {
    expect(await new PaperTree(FOUR_BITS).lookup(5)).toBeUndefined();
  });

  it('R7374-4.5-04 R7374-4.5-06 goes down when providers of its interval lie on both sides, not when they lie beside it', async () => {
    const tree = new PaperTree({ bits: 8, branching: 2 });
    await tree.register(0x01, 0x09, 0x30);
    expect(await tree.lookup(0x05)).toBe(0x09);
    expect(tree.trace.slice(0, 2)).toEqual(['(2,0)', '(3,0)']);
    expect(await tree.lookup(0x15)).toBe(0x30);
    expect(tree.trace).toEqual(['(2,0)']);
  });

  it('R7374-4.5-09 ends with the cached successor where the rules alone would alternate for ever', async () => {
    const tree = new PaperTree({ bits: 5, branching: 2 });
    await tree.register(2, 0);
    expect(tree.content()).toEqual({ '(0,0)': [0, 2], '(1,0)': [0, 2], '(2,0)': [0, 2], '(3,0)': [0] });
    expect(await tree.lookup(1)).toBe(2);
    expect(tree.trace).toEqual(['(2,0)', '(3,0)']);
  });

  it('leaves out the searcher and providers that were tried', async () => {
    const tree = await example();
    expect(await tree.lookup(3, { exclude: [3, 4] })).toBe(7);
    expect(await tree.lookup(15, { exclude: [2, 3, 4] })).toBe(7);
    expect(await tree.lookup(15, { exclude: [2, 3, 4, 7] })).toBeUndefined();
  });

  it.each([2, 10])('always ends, and is exact after two refreshes, with branching factor %i', async (branching) => {
    const tree = new PaperTree({ bits: 8, branching });
    const providers = Array.from({ length: 48 }, (_, i) => (i * 97 + 13) % 251);
    await tree.register(...providers);
    const limit = 10;
    for (let key = 0; key < 256; key += 1) {
      await tree.lookup(key);
      expect(tree.trace.length).toBeLessThanOrEqual(limit);
    }
    for (let round = 0; round < 2; round += 1) await tree.register(...providers);
    const top = Math.max(...providers);
    for (let key = 0; key < top; key += 1) {
      expect(await tree.lookup(key, { exclude: [key] })).toBe(Math.min(...providers.filter((p) => p > key)));
    }
  });

  it('treeNodeOf names the node that a lookup reads', () => {
    expect(treeNodeOf(FOUR_BITS, 2, 5n)).toEqual({ level: 2, node: 1 });
  });
});
