import { filterLines, type Streams, type Tally } from '#cli/wire-json/filter.ts';
import { badOption, dataModels, kindIdFrom } from '#cli/wire-json/kinds.ts';
import { type DecodeContext, decodeLayer, isNodeIdLength, LAYERS, type Layer } from '#cli/wire-json/layers.ts';
import { fromHex } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';

/** As they stand on the command line. */
export interface DecodeOptions {
  /** What a line holds: message (the default), frame, value or fragment. */
  readonly layer?: string | undefined;
  /** Kind of the values, by number or name; by default the known Kinds are tried. */
  readonly kind?: string | undefined;
  /** `ID=single|array|dictionary`, for private Kinds. */
  readonly kindModel?: readonly string[] | undefined;
  /** Bytes in a Node-ID, 16..20; 16 by default. */
  readonly nodeIdLength?: string | undefined;
}

/** In hexadecimal digits: a message of 2 MiB, far more than any max-message-size. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Reads RELOAD messages as hexadecimal digits, one a line, and writes a line of JSON for each:
 * `{"ok":true,"layer":"message","code":23,"method":"ping_req","header":{...},"body":{...},"extensions":[...],
 * "security":{...},"signature":"valid|invalid|unchecked","reencodes":true}`, or `{"ok":false,"error":"...","at":"..."}`
 * with the path of the field at fault.
 *
 * Fields have the RFCs' names. Byte strings and ids are hexadecimal, numbers of 64 bits are decimal within quotes.
 * What depends on a Kind, type or code that is not known stays hexadecimal. Each stored value has its own
 * `signature_check`. `unchecked` means that the signer's certificate did not come along; neither chains nor dates are
 * looked at. Rejects with `Failure<OptionFault>` before anything is read if an option is wrong.
 */
export async function decodeCommand(streams: Streams, options: DecodeOptions = {}): Promise<Tally> {
  const layer = layerFrom(options.layer ?? 'message');
  const context = contextFrom(options);
  return filterLines(streams, MAX_LINE, (line) => {
    const digits = line.trim();
    const bytes = fromHex(digits);
    if (digits === '') throw new Failure({ code: 'empty' }, 'The line is empty.');
    if (bytes === undefined)
      throw new Failure({ code: 'not-hex' }, 'The line is not an even number of hexadecimal digits.');
    return JSON.stringify({ ok: true, ...decodeLayer(layer, bytes, context) });
  });
}

function layerFrom(text: string): Layer {
  const layer = LAYERS.find((name) => name === text);
  if (layer === undefined) throw badOption('--layer', `${text} is not one of ${LAYERS.join(', ')}`);
  return layer;
}

function contextFrom({ kind, kindModel = [], nodeIdLength }: DecodeOptions): DecodeContext {
  const context = { models: dataModels(kindModel), kind: kind === undefined ? undefined : kindIdFrom('--kind', kind) };
  if (nodeIdLength === undefined) return context;
  const length = Number(nodeIdLength);
  if (!isNodeIdLength(length)) throw badOption('--node-id-length', `${nodeIdLength} is not 16 to 20`);
  return { ...context, nodeIdLength: length };
}
