import { fromJson, isObject, type Json, type JsonObject, property, toJson, within } from '#cli/wire-json/json.ts';
import { knownKind } from '#cli/wire-json/kinds.ts';
import { fromHex, toHex } from '#platform/bytes.ts';
import { type Codec, decode, encode, untilEnd } from '#reload/wire/codec.ts';
import { ErrorCode, ForwardingOptionType, MessageCode, MessageExtensionType } from '#reload/wire/codes.ts';
import { diagnosticsRequest, diagnosticsResponse } from '#reload/wire/diagnostics.ts';
import { unknownKinds } from '#reload/wire/error.ts';
import { extensiveRoutingModeOption } from '#reload/wire/extensive-routing.ts';
import { modelSpecifier } from '#reload/wire/fetch.ts';
import { chordLeaveData } from '#reload/wire/leave.ts';
import { isWireFailure, type WireOptions } from '#reload/wire/reader.ts';
import { selfTuningData } from '#reload/wire/self-tuning.ts';
import { storedMetaData } from '#reload/wire/stat.ts';
import { storeAns } from '#reload/wire/store.ts';
import { type DataModel, storedData } from '#reload/wire/stored-data.ts';
import { struct } from '#reload/wire/struct.ts';
import { textToEnd } from '#reload/wire/text.ts';

export interface Context extends WireOptions {
  /** Message code; 0 outside messages. */
  readonly code: number;
  readonly models: (kind: number) => DataModel | undefined;
}

/**
 * Byte strings inside a structure whose form depends on something beside them (a Kind, a type, an error code). In JSON
 * they are structures where they can be read, and hexadecimal digits otherwise.
 */
interface Expansion {
  readonly codes: readonly number[];
  /** From the top of the JSON to the byte string; `*` stands for each element of a list. */
  readonly path: readonly string[];
  /** Bytes that do not fit make the whole message malformed. */
  readonly strict?: boolean;
  /** `ancestors` are the objects around the byte string, the innermost first; `json` is the byte string's place. */
  codec(ancestors: readonly JsonObject[], json: Json, context: Context): Codec<unknown> | undefined;
}

const text = struct({ text: textToEnd });
const ALL: readonly number[] = [];
const STORES = [MessageCode.storeReq];
const FETCHES = [MessageCode.fetchAns];

const EXPANSIONS: readonly Expansion[] = [
  { codes: ALL, path: ['header', 'options', '*', 'value'], codec: ([option]) => optionCodec(option) },
  {
    codes: ALL,
    path: ['extensions', '*', 'contents'],
    codec: ([extension], _, { code }) => extensionCodec(extension, code),
  },
  { codes: STORES, path: ['body', 'kind_data', '*', 'values'], strict: true, codec: valuesCodec },
  { codes: STORES, path: ['body', 'kind_data', '*', 'values', '*', 'value', 'value'], codec: kindValueCodec },
  { codes: FETCHES, path: ['body', 'kind_responses', '*', 'values'], strict: true, codec: valuesCodec },
  { codes: FETCHES, path: ['body', 'kind_responses', '*', 'values', '*', 'value', 'value'], codec: kindValueCodec },
  {
    codes: [MessageCode.statAns],
    path: ['body', 'kind_responses', '*', 'values'],
    strict: true,
    codec: (ancestors, json, context) => {
      const model = modelOf('metadata', ancestors, json, context);
      return model && untilEnd(storedMetaData[model]);
    },
  },
  {
    codes: [MessageCode.fetchReq, MessageCode.statReq],
    path: ['body', 'specifiers', '*', 'model_specifier'],
    codec: (ancestors, json, { models }) => {
      const model = isObject(json) ? asModel(property(json, 'model')) : models(numberIn(ancestors, 'kind'));
      return model && modelSpecifier[model];
    },
  },
  { codes: [MessageCode.leaveReq], path: ['body', 'overlay_specific_data'], codec: () => chordLeaveData },
  { codes: [MessageCode.configUpdateReq], path: ['body', 'config_data'], codec: () => text },
  { codes: [MessageCode.configUpdateReq], path: ['body', 'kinds', '*'], codec: () => text },
  { codes: [MessageCode.error], path: ['body', 'info'], codec: ([error]) => errorInfoCodec(error) },
];

/** Puts structures in the place of byte strings. Throws `Failure<WireFault>` where that must work and does not. */
export function expand(json: JsonObject, context: Context): void {
  for (const expansion of EXPANSIONS) {
    if (!applies(expansion, context.code)) continue;
    visit(json, expansion.path, [], (held, ancestors) => expandOne(expansion, held, ancestors, context));
  }
}

/** Puts byte strings, in hexadecimal, in the place of structures. Throws `Failure<WireFault>`. */
export function collapse(json: JsonObject, context: Context): void {
  for (const expansion of EXPANSIONS.toReversed()) {
    if (!applies(expansion, context.code)) continue;
    visit(json, expansion.path, [], (held, ancestors) => {
      if (typeof held === 'string' || held === undefined) return held;
      const codec = expansion.codec(ancestors, held, context);
      return codec === undefined ? held : toHex(encode(codec, fromJson(codec.shape, held), context));
    });
  }
}

function applies({ codes }: Expansion, code: number): boolean {
  return codes.length === 0 || codes.includes(code);
}

function expandOne(expansion: Expansion, held: Json, ancestors: readonly JsonObject[], context: Context): Json {
  const codec = expansion.codec(ancestors, held, context);
  const bytes = typeof held === 'string' ? fromHex(held) : undefined;
  if (codec === undefined || bytes === undefined) return held;
  try {
    return toJson(decode(codec, bytes, context));
  } catch (thrown) {
    if (expansion.strict || !isWireFailure(thrown)) throw thrown;
    return held;
  }
}

type Replace = (held: Json, ancestors: readonly JsonObject[]) => Json;

function visit(holder: Json, path: readonly string[], ancestors: readonly JsonObject[], replace: Replace): void {
  const [step = '', ...more] = path;
  if (step === '*') {
    if (!Array.isArray(holder)) return;
    for (const [i, item] of holder.entries()) {
      within(`[${i}]`, () => {
        if (more.length > 0) visit(item, more, ancestors, replace);
        else holder[i] = replace(item, ancestors);
      });
    }
    return;
  }
  if (!isObject(holder) || !Object.hasOwn(holder, step)) return;
  within(step, () => {
    const around = [holder, ...ancestors];
    if (more.length > 0) visit(holder[step], more, around, replace);
    else holder[step] = replace(holder[step], around);
  });
}

function valuesCodec(ancestors: readonly JsonObject[], json: Json, context: Context): Codec<unknown> | undefined {
  const model = modelOf('value', ancestors, json, context);
  return model && untilEnd(storedData[model]);
}

function kindValueCodec(ancestors: readonly JsonObject[]): Codec<unknown> | undefined {
  return knownKind(numberIn(ancestors, 'kind'))?.value;
}

/** The data model as the values themselves name it, where they are structures already; else as the Kind has it. */
function modelOf(field: string, ancestors: readonly JsonObject[], json: Json, context: Context): DataModel | undefined {
  if (!Array.isArray(json)) return context.models(numberIn(ancestors, 'kind'));
  const [first] = json;
  if (first === undefined) return 'single';
  const entry = isObject(first) ? property(first, field) : undefined;
  return isObject(entry) ? asModel(property(entry, 'model')) : undefined;
}

function asModel(json: Json): DataModel | undefined {
  return json === 'single' || json === 'array' || json === 'dictionary' ? json : undefined;
}

/** The nearest number of that name around a byte string; NaN if there is none. */
function numberIn(ancestors: readonly JsonObject[], name: string): number {
  const holder = ancestors.find((ancestor) => typeof property(ancestor, name) === 'number');
  return holder === undefined ? Number.NaN : Number(holder[name]);
}

function optionCodec(option: JsonObject | undefined): Codec<unknown> | undefined {
  return option?.type === ForwardingOptionType.extensiveRoutingMode ? extensiveRoutingModeOption : undefined;
}

function extensionCodec(extension: JsonObject | undefined, code: number): Codec<unknown> | undefined {
  if (extension?.type === MessageExtensionType.selfTuningData) return selfTuningData;
  if (extension?.type !== MessageExtensionType.diagnosticPing) return undefined;
  return code === MessageCode.pingAns ? diagnosticsResponse : diagnosticsRequest;
}

function errorInfoCodec(error: JsonObject | undefined): Codec<unknown> {
  if (error?.code === ErrorCode.generationCounterTooLow) return storeAns;
  if (error?.code === ErrorCode.unknownKind) return struct({ unknownKinds });
  return text;
}
