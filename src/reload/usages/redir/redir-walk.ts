import { type Random, randomBelow } from '#platform/random.ts';
import {
  DEFAULT_START_LEVEL,
  highestLevel,
  intervalOf,
  keyOf,
  type TreeNode,
  type TreeShape,
  treeNodeOf,
} from '#reload/usages/redir/redir-tree.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** A provider as found in a tree node. */
export interface Provider {
  readonly nodeId: NodeId;
  /** How to reach it; never empty. */
  readonly destinations: readonly Destination[];
  /** Name in the certificate that signed the record. */
  readonly userName?: string;
}

/** One tree (one namespace) of the overlay. A tree node that was never written is an empty list. */
export interface Tree {
  readonly shape: TreeShape;
  read(at: TreeNode): Promise<readonly Provider[]>;
  /** Stores the own record at `at`. */
  write(at: TreeNode): Promise<void>;
}

/**
 * Registers `self` in the tree (RFC 7374 §4.3) and returns the tree nodes that now hold its record.
 * 'Lowest or highest' is judged within the interval on every level, the start level included: that covers the letter of the text,
 * where the scope is the whole tree node at the start level only, and agrees with its figure 4.
 */
export async function register(tree: Tree, self: NodeId): Promise<readonly TreeNode[]> {
  const { shape } = tree;
  const key = keyOf(self);
  const start = Math.min(DEFAULT_START_LEVEL, highestLevel(shape));
  const written: TreeNode[] = [];
  const write = async (at: TreeNode) => {
    await tree.write(at);
    written.push(at);
  };
  const keysInInterval = async (level: number): Promise<readonly bigint[]> =>
    inInterval(shape, { level, key }, await tree.read(treeNodeOf(shape, level, key)));

  const atStart = await keysInInterval(start);
  await write(treeNodeOf(shape, start, key));
  for (let level = start, others = atStart; isExtreme(key, others) && level > 0; ) {
    level -= 1;
    others = await keysInInterval(level);
    await write(treeNodeOf(shape, level, key));
  }
  for (let level = start, others = atStart; !isAlone(key, others) && level < highestLevel(shape); ) {
    level += 1;
    others = await keysInInterval(level);
    if (isExtreme(key, others)) await write(treeNodeOf(shape, level, key));
  }
  return written;
}

function inInterval(
  shape: TreeShape,
  at: { readonly level: number; readonly key: bigint },
  providers: readonly Provider[],
): bigint[] {
  const interval = intervalOf(shape, at.level, at.key);
  return providers.map((p) => keyOf(p.nodeId)).filter((k) => intervalOf(shape, at.level, k) === interval);
}

function isExtreme(key: bigint, keys: readonly bigint[]): boolean {
  return keys.every((k) => k >= key) || keys.every((k) => k <= key);
}

function isAlone(key: bigint, keys: readonly bigint[]): boolean {
  return keys.every((k) => k === key);
}

export interface Search {
  /** Where the search begins; a Node-ID, or the hash of something. */
  readonly key: bigint;
  /** Providers that don't count: the searcher itself, and those that were tried in vain. */
  readonly exclude: ReadonlySet<NodeId>;
  readonly startLevel: number;
}

export interface Found {
  readonly provider: Provider;
  /** The level on which the search ended. */
  readonly level: number;
}

/**
 * The provider that most closely follows the key (RFC 7374 §4.5); at random among the root's when none follows, since the
 * lowest would carry all searches of the top segment; undefined when there is no provider at all.
 *
 * The three rules alone can alternate between two levels for ever, while providers have not yet pushed themselves deep enough.
 * So a search that would turn round takes the best provider seen instead, and ends after at most as many reads as there are levels.
 */
export async function findSuccessor(tree: Tree, search: Search, random: Random): Promise<Found | undefined> {
  const { shape } = tree;
  const { key } = search;
  const lowest = highestLevel(shape);
  const seen = new Map<NodeId, Provider>();
  let level = Math.min(search.startLevel, lowest);
  let direction: 'none' | 'up' | 'down' = 'none';
  for (;;) {
    const found = await tree.read(treeNodeOf(shape, level, key));
    const providers = found.filter((p) => !search.exclude.has(p.nodeId));
    for (const provider of providers) seen.set(provider.nodeId, provider);
    const successor = closestAfter(key, providers);
    if (successor === undefined) {
      if (direction === 'down') break;
      if (level === 0) return oneOf(providers.length > 0 ? providers : [...seen.values()], random);
      direction = 'up';
      level -= 1;
    } else if (isInside(search, inInterval(shape, { level, key }, found))) {
      if (direction === 'up' || level === lowest) break;
      direction = 'down';
      level += 1;
    } else {
      return { provider: successor, level };
    }
  }
  const best = closestAfter(key, [...seen.values()]);
  return best === undefined ? undefined : { provider: best, level };
}

function closestAfter(key: bigint, providers: readonly Provider[]): Provider | undefined {
  let best: { readonly key: bigint; readonly provider: Provider } | undefined;
  for (const provider of providers) {
    const at = keyOf(provider.nodeId);
    if (at > key && (best === undefined || at < best.key)) best = { key: at, provider };
  }
  return best?.provider;
}

/**
 * Whether the interval's providers lie on both sides of the key, so that there may be closer ones further down. An excluded provider
 * at the very key counts as one below it: it fills the lowest place and so keeps others out of the interval.
 */
function isInside(search: Search, keys: readonly bigint[]): boolean {
  const { key } = search;
  const excluded = keys.includes(key) && [...search.exclude].some((nodeId) => keyOf(nodeId) === key);
  return (excluded || keys.some((k) => k < key)) && keys.some((k) => k > key);
}

function oneOf(providers: readonly Provider[], random: Random): Found | undefined {
  const provider = providers[randomBelow(random, Math.max(1, providers.length))];
  return provider === undefined ? undefined : { provider, level: 0 };
}
