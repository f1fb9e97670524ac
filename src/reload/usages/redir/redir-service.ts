import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { ExchangeFault } from '#reload/messaging/exchange.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { parseProvider, treeShapeOf } from '#reload/usages/redir/redir-kind.ts';
import { DEFAULT_START_LEVEL, keyOf, type TreeNode, treeNodeResource } from '#reload/usages/redir/redir-tree.ts';
import { findSuccessor, type Provider, register, type Tree } from '#reload/usages/redir/redir-walk.ts';
import { Refresher, refreshInterval } from '#reload/usages/refresher.ts';
import { encode } from '#reload/wire/codec.ts';
import { ErrorCode, KindId } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import { idBytes, type NodeId, nodeIdOf } from '#reload/wire/ids.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';

export interface RedirDeps {
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
}

/** RFC 7374 §4.4. */
const LIFETIME_SECONDS = 600;
/** Levels at which the latest lookups ended, the most frequent of which the next one begins at (RFC 7374 §4.2). */
const REMEMBERED_LEVELS = 16;

export interface RedirRegistrationOptions {
  readonly namespace: string;
  /** How the provider is reached; by default by its Node-ID alone. */
  readonly destinations?: readonly Destination[];
  readonly lifetimeSeconds?: number;
}

/** This node as a provider in one ReDiR tree: registered, refreshed, and removed in the end (RFC 7374 §4.3-4.6). */
export class RedirRegistration {
  readonly #deps: RedirDeps & { readonly clock: Clock };
  readonly #namespace: string;
  readonly #destinations: readonly Destination[];
  readonly #lifetime: number;
  readonly #refresher: Refresher;
  /** The tree nodes that may hold a record, and when the last one there ends. */
  readonly #written = new Map<string, { readonly at: TreeNode; readonly expires: number }>();

  constructor(deps: RedirDeps & { readonly clock: Clock; readonly log: Logger }, options: RedirRegistrationOptions) {
    this.#deps = deps;
    this.#namespace = checkNamespace(options.namespace);
    this.#destinations = options.destinations ?? [nodeDestination(deps.records.nodeId)];
    this.#lifetime = options.lifetimeSeconds ?? LIFETIME_SECONDS;
    const { clock, log } = deps;
    this.#refresher = new Refresher(
      { clock, log, publish: (signal) => this.#register(signal) },
      { name: `service ${options.namespace}`, intervalMs: refreshInterval(this.#lifetime) },
    );
  }

  get isPublished(): boolean {
    return this.#refresher.isPublished;
  }

  /** Resolves after the first attempt; a failed one is repeated. */
  start(): Promise<void> {
    return this.#refresher.refresh();
  }

  /** Overwrites every record that may still be there (RFC 7374 §4.6). The removals outlive what they replace. */
  async stop(): Promise<void> {
    await this.#refresher.stop();
    const now = this.#deps.clock.now();
    const present = [...this.#written.values()].filter(({ expires }) => expires > now);
    this.#written.clear();
    await Promise.all(present.map(({ at }) => this.#store(at, undefined)));
  }

  async #register(signal: AbortSignal): Promise<void> {
    const shape = treeShapeOf(this.#deps.configuration.current);
    const tree: Tree = {
      shape,
      read: (at) => readTreeNode(this.#deps.records, this.#namespace, at, signal),
      write: (at) => this.#write(at, signal),
    };
    await register(tree, this.#deps.records.nodeId);
  }

  async #write(at: TreeNode, signal: AbortSignal): Promise<void> {
    const expires = this.#deps.clock.now() + this.#lifetime * 1000;
    // Before the Store: one that failed here may have succeeded there.
    this.#written.set(`${at.level}/${at.node}`, { at, expires });
    const record = {
      type: 0,
      destinationList: this.#destinations,
      namespace: this.#namespace,
      ...at,
      extension: new Uint8Array(),
    };
    await this.#store(at, encode(redirServiceProvider, record), signal);
  }

  async #store(at: TreeNode, value: Uint8Array | undefined, signal?: AbortSignal): Promise<void> {
    const { records } = this.#deps;
    await records.store({
      resource: treeNodeResource(this.#namespace, at),
      kind: KindId.redir,
      values: [{ place: { model: 'dictionary', key: idBytes(records.nodeId) }, value }],
      lifetimeSeconds: this.#lifetime,
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

export interface LookupRequest {
  readonly namespace: string;
  /** The node whose successor is wanted: the searcher's own id, or that of a provider that failed. */
  readonly key: NodeId;
  /** Providers that don't count. This node never does. */
  readonly exclude?: ReadonlySet<NodeId>;
  readonly signal?: AbortSignal;
}

/** Finds providers of services (RFC 7374 §4.5). */
export class RedirLookup {
  readonly #deps: RedirDeps & { readonly random: Random };
  readonly #levels: number[] = [];

  constructor(deps: RedirDeps & { readonly random: Random }) {
    this.#deps = deps;
  }

  /** The provider that most closely follows the key, or any when none follows; undefined when there is none at all. */
  async find({ namespace, key, exclude, signal }: LookupRequest): Promise<Provider | undefined> {
    const { records, configuration, random } = this.#deps;
    const tree: Tree = {
      shape: treeShapeOf(configuration.current),
      read: (at) => readTreeNode(records, checkNamespace(namespace), at, signal),
      write: () => Promise.reject(new Error('a lookup writes nothing')),
    };
    const search = {
      key: keyOf(key),
      exclude: new Set([records.nodeId, ...(exclude ?? [])]),
      startLevel: this.#startLevel(),
    };
    const found = await findSuccessor(tree, search, random);
    if (found === undefined) return undefined;
    this.#levels.push(found.level);
    if (this.#levels.length > REMEMBERED_LEVELS) this.#levels.shift();
    return found.provider;
  }

  /** The most frequent of the remembered levels, the higher tree level of equals. */
  #startLevel(): number {
    const counts = new Map<number, number>();
    for (const level of this.#levels) counts.set(level, (counts.get(level) ?? 0) + 1);
    const [mode] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    return mode?.[0] ?? DEFAULT_START_LEVEL;
  }
}

/** All providers of one tree node. What the record client hands out is signed, unexpired and in its right place. */
async function readTreeNode(
  records: RecordClient,
  namespace: string,
  at: TreeNode,
  signal: AbortSignal | undefined,
): Promise<readonly Provider[]> {
  const resource = treeNodeResource(namespace, at);
  try {
    const { values } = await records.fetch({
      resource,
      kind: KindId.redir,
      ...(signal === undefined ? {} : { signal }),
    });
    return values.flatMap(({ place, value, signatory }): Provider[] => {
      const record = parseProvider(value);
      if (record === undefined || place.model !== 'dictionary') return [];
      const nodeId = nodeIdOf(place.key);
      const { destinationList } = record;
      // The grammar allows an empty list; its only sensible reading is the provider itself.
      const destinations = destinationList.length > 0 ? destinationList : [nodeDestination(nodeId)];
      return [{ nodeId, destinations, userName: signatory.certificate.userName }];
    });
  } catch (thrown) {
    if (isNotFound(thrown)) return [];
    throw thrown;
  }
}

function isNotFound(thrown: unknown): boolean {
  if (!(thrown instanceof Failure)) return false;
  const fault: ExchangeFault = thrown.fault;
  return fault.code === 'remote' && fault.errorCode === ErrorCode.notFound;
}

/** Level and node follow the namespace in the hash without a separator, so that control characters could imitate them. */
function checkNamespace(namespace: string): string {
  if (/^[^\p{Cc}\p{Cs}]{1,1000}$/u.test(namespace)) return namespace;
  throw new RangeError('a ReDiR namespace has 1 to 1000 characters, none of them a control character');
}
