import { filterLines, type Streams, type Tally } from '#cli/wire-json/filter.ts';
import { isObject, type Json } from '#cli/wire-json/json.ts';
import { encodeLayer } from '#cli/wire-json/layers.ts';
import { toHex } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';

/** Room for what `decode` makes of its longest line. */
const MAX_LINE = 16 * 1024 * 1024;

/**
 * The inverse of `decode`: reads its lines of JSON and writes hexadecimal digits, made from the fields alone. Lengths
 * are computed; signatures are taken as they stand. A line that cannot be encoded gives `{"ok":false,...}`.
 */
export async function encodeCommand(streams: Streams): Promise<Tally> {
  return filterLines(streams, MAX_LINE, (line) => {
    const json = parse(line);
    if (!isObject(json)) throw new Failure({ code: 'not-object' }, 'A JSON object is wanted on each line.');
    return toHex(encodeLayer(json));
  });
}

function parse(line: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch (cause) {
    throw new Failure({ code: 'not-json' }, 'The line is not JSON.', cause);
  }
}
