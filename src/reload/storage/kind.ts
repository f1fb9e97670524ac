import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import type { DataModel, StoredDataValue } from '#reload/wire/stored-data.ts';

/** Who asks to write what, as access policies see it (RFC 6940 §7.3). */
export interface WriteAttempt {
  readonly resource: ResourceId;
  readonly value: StoredDataValue;
  /** The one who signed the value. */
  readonly signer: { readonly nodeId: NodeId; readonly userName: string };
}

/** One Kind as storage needs it. Usages supply the built-in ones, the configuration document the limits and private ones. */
export interface KindDefinition {
  readonly id: number;
  readonly name: string;
  readonly dataModel: DataModel;
  readonly maxCount: number;
  /** Largest DataValue.value, in bytes. */
  readonly maxSize: number;
  /** Returns undefined when allowed, else why not (becomes Error_Forbidden). */
  permits(attempt: WriteAttempt): string | undefined;
  /** Set where Find may not be used (RFC 6940 §7.4.4.2): such a Kind gets no entry in the answer. */
  readonly unlisted?: boolean;
}
