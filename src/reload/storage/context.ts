import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Signatory, Verifier } from '#reload/security/identity.ts';
import type { KindDefinition } from '#reload/storage/kind.ts';
import type { RecordTable } from '#reload/storage/record-table.ts';
import type { Responsibility } from '#reload/storage/responsibility.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Looks Kinds up; `KindRegistry` answers. */
export interface Kinds {
  get(id: number): KindDefinition | undefined;
}

/** What the parts of storage share. */
export interface StorageContext {
  readonly exchange: Exchange;
  readonly responsibility: Responsibility;
  readonly records: RecordTable;
  readonly verifier: Verifier;
  readonly nodeId: NodeId;
  readonly configuration: ConfigurationSource;
  readonly kinds: Kinds;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A signatory as access policies see it. */
export function writerOf({ nodeId, certificate }: Signatory): { readonly nodeId: NodeId; readonly userName: string } {
  return { nodeId, userName: certificate.userName };
}
