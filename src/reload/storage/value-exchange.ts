import type { KindDefinition } from '#reload/storage/kind.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { encodeModelSpecifier, fetchAns, fetchReq, type ModelSpecifier } from '#reload/wire/fetch.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import { APPEND_INDEX, decodeStoredData, type StoredData } from '#reload/wire/stored-data.ts';

/** Which places of a Kind to fetch; all by default. */
export interface FetchScope {
  readonly resource: ResourceId;
  readonly keys?: readonly Uint8Array[];
  readonly ranges?: readonly { readonly first: number; readonly last: number }[];
}

/** The last index means "to the end" (RFC 6940 §7.4.2.1). */
const WHOLE_ARRAY = [{ first: 0, last: APPEND_INDEX }];

export function fetchBody(kind: KindDefinition, scope: FetchScope): Uint8Array {
  const modelSpecifier = encodeModelSpecifier(specifierOf(kind, scope));
  return encode(fetchReq, {
    resource: scope.resource,
    specifiers: [{ kind: kind.id, generation: 0n, modelSpecifier }],
  });
}

function specifierOf({ dataModel }: KindDefinition, { keys, ranges }: FetchScope): ModelSpecifier {
  if (dataModel === 'single') return { model: 'single' };
  if (dataModel === 'array') return { model: 'array', indices: ranges ?? WHOLE_ARRAY };
  return { model: 'dictionary', keys: keys ?? [] };
}

/** The values of an answer that somebody signed; those made up for empty places are left out. Throws `Failure<WireFault>`. */
export function decodeFetched(
  kind: KindDefinition,
  body: Uint8Array,
): { readonly generation: bigint; readonly values: readonly StoredData[] } {
  const { kindResponses } = decode(fetchAns, body);
  const response = kindResponses.find((candidate) => candidate.kind === kind.id);
  if (response === undefined) return { generation: 0n, values: [] };
  const values = decodeStoredData(kind.dataModel, response.values);
  return { generation: response.generation, values: values.filter((data) => data.signature.identity.type !== 'none') };
}
