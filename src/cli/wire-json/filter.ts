import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { JsonObject } from '#cli/wire-json/json.ts';
import { splitLines } from '#cli/wire-json/lines.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { isWireFailure } from '#reload/wire/reader.ts';

export interface Streams {
  readonly input: AsyncIterable<Uint8Array | string>;
  readonly output: Writable;
}

/** How many lines were read, and how many of them came out as `"ok":false`. */
export interface Tally {
  readonly lines: number;
  readonly failed: number;
}

/** Writes one line for every line read; what `convert` throws becomes `{"ok":false,"error":...,"at":...}`. */
export async function filterLines(
  { input, output }: Streams,
  limit: number,
  convert: (line: string) => string,
): Promise<Tally> {
  let lines = 0;
  let failed = 0;
  for await (const line of splitLines(input, limit)) {
    lines += 1;
    let result: string;
    try {
      if ('tooLong' in line) throw new Failure({ code: 'too-long' }, `The line is longer than ${limit} characters.`);
      result = convert(line.text);
    } catch (thrown) {
      failed += 1;
      result = JSON.stringify(failureJson(thrown));
    }
    if (!output.write(`${result}\n`)) await once(output, 'drain');
  }
  return { lines, failed };
}

function failureJson(thrown: unknown): JsonObject {
  if (isWireFailure(thrown))
    return { ok: false, error: `${thrown.fault.code}: ${thrown.fault.detail}`, at: thrown.fault.at };
  return { ok: false, error: messageOf(thrown), at: '' };
}
