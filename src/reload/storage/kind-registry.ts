import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type {
  ConfigurationSource,
  DataModelName,
  KindConfiguration,
  OverlayConfiguration,
} from '#reload/overlay-config/configuration.ts';
import type { AccessPolicy, PolicyFactory } from '#reload/storage/access-policy.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import type { DataModel } from '#reload/wire/stored-data.ts';

/** What every usage has to say of its Kinds, beside number, data model and access policy (RFC 6940 §5.2). */
interface KindDescription {
  /** The structure of a value, and how text becomes bytes in it. */
  readonly valueFormat: string;
  /** The Resource Name whose hash is the Resource-ID. */
  readonly resourceName: string;
  /** Which value stays where two partitions wrote one place. */
  readonly merge: 'latest-storage-time';
}

/**
 * A Kind that this program knows by itself. Its data model and policy come from its registration, whatever the document says;
 * limits come from the document, or from here when it has no such element: the registrations define none.
 */
export interface BuiltInKind extends KindDescription {
  readonly id: number;
  readonly name: string;
  readonly dataModel: DataModel;
  readonly maxCount: number;
  readonly maxSize: number;
  /** See `KindDefinition`. */
  readonly unlisted?: boolean;
  policy(configuration: OverlayConfiguration, element: KindConfiguration | undefined): AccessPolicy;
}

interface Deps {
  readonly configuration: ConfigurationSource;
  readonly builtIn: readonly BuiltInKind[];
  /** Policies by name, for the Kinds that the document defines itself. */
  readonly policies: ReadonlyMap<string, PolicyFactory>;
  readonly log: Logger;
}

const MODELS: Readonly<Record<DataModelName, DataModel>> = {
  SINGLE: 'single',
  ARRAY: 'array',
  DICTIONARY: 'dictionary',
};

const REQUIRED = ['id', 'name', 'dataModel', 'policy', 'valueFormat', 'resourceName', 'merge'] as const;

/** Throws `RangeError`: a usage whose Kind leaves something open can't be told apart from one that means something else. */
function requireComplete(kind: Partial<BuiltInKind>): void {
  const absent = REQUIRED.filter((part) => kind[part] === undefined || kind[part] === '');
  if (absent.length === 0) return;
  throw new RangeError(`kind ${kind.name ?? kind.id ?? ''} does not say its ${absent.join(', ')} (RFC 6940 §5.2)`);
}

/** Every Kind that may be stored in the overlay now; follows the configuration in force. */
export class KindRegistry {
  readonly #deps: Deps;
  #kinds: ReadonlyMap<number, KindDefinition>;

  constructor(deps: Deps) {
    this.#deps = deps;
    for (const kind of deps.builtIn) requireComplete(kind);
    this.#kinds = this.#build(deps.configuration.current);
    deps.configuration.onChange((configuration) => {
      this.#kinds = this.#build(configuration);
    });
  }

  get(id: number): KindDefinition | undefined {
    return this.#kinds.get(id);
  }

  #build(configuration: OverlayConfiguration): ReadonlyMap<number, KindDefinition> {
    const kinds = new Map<number, KindDefinition>();
    const elements = new Map(configuration.kinds.map((element) => [element.id, element]));
    for (const kind of this.#deps.builtIn) {
      const element = elements.get(kind.id);
      kinds.set(kind.id, {
        id: kind.id,
        name: kind.name,
        dataModel: kind.dataModel,
        maxCount: element?.maxCount ?? kind.maxCount,
        maxSize: element?.maxSize ?? kind.maxSize,
        permits: kind.policy(configuration, element),
        ...(kind.unlisted === undefined ? {} : { unlisted: kind.unlisted }),
      });
    }
    for (const element of elements.values()) {
      if (kinds.has(element.id)) continue;
      const definition = this.#define(element);
      if (definition !== undefined) kinds.set(element.id, definition);
    }
    return kinds;
  }

  /** A Kind of the document alone (RFC 6940 §7.4.5). One that can't be enforced is left out: storing it would be unsafe. */
  #define(element: KindConfiguration): KindDefinition | undefined {
    const name = element.name ?? `kind ${element.id}`;
    try {
      const factory = this.#deps.policies.get(element.accessControl);
      if (factory === undefined) throw new RangeError(`no access policy ${element.accessControl} here`);
      return {
        id: element.id,
        name,
        dataModel: MODELS[element.dataModel],
        maxCount: element.maxCount,
        maxSize: element.maxSize,
        permits: factory(element),
      };
    } catch (thrown) {
      this.#deps.log.warn('a Kind of the configuration is refused', { kind: name, reason: messageOf(thrown) });
      return undefined;
    }
  }
}
