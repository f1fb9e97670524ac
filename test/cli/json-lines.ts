import { PassThrough, type Writable } from 'node:stream';
import { type DecodeOptions, decodeCommand } from '#cli/decode.ts';
import { encodeCommand } from '#cli/encode.ts';
import { toHex } from '#platform/bytes.ts';
import type { HeaderFields } from '#reload/wire/forwarding-header.ts';
import { overlayHash } from '#reload/wire/ids.ts';

/** Models of the private Kinds in the independent vectors. */
export const MODELS: DecodeOptions = { kindModel: ['2020=single', '0x802=array', '2070=dictionary'] };

export const HEADER: HeaderFields = {
  overlay: overlayHash('h4.example.org'),
  configurationSequence: 1,
  version: 10,
  ttl: 100,
  fragment: { offset: 0, last: true },
  transactionId: 0xfedcba9876543210n,
  maxResponseLength: 0,
  viaList: [],
  destinationList: [],
  options: [],
};

/** Results are looked at as the JSON they are. */
export interface Result {
  readonly ok?: boolean;
  readonly error?: string;
  readonly at?: string;
  readonly signature?: string;
  readonly reencodes?: boolean;
  readonly [key: string]: unknown;
}

export async function* chunks(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* pieces;
}

export async function linesOf(run: (output: Writable) => Promise<unknown>): Promise<readonly string[]> {
  const output = new PassThrough({ highWaterMark: 1 << 30 });
  await run(output);
  output.end();
  const text = Buffer.concat(await output.toArray()).toString();
  return text === '' ? [] : text.trimEnd().split('\n');
}

export async function decoded(lines: readonly string[], options: DecodeOptions = {}): Promise<readonly Result[]> {
  const input = chunks(lines.map((line) => `${line}\n`).join(''));
  const results = await linesOf((output) => decodeCommand({ input, output }, options));
  return results.map((line) => JSON.parse(line) as Result);
}

export async function decodedOne(bytes: Uint8Array | string, options: DecodeOptions = {}): Promise<Result> {
  const [result = {}] = await decoded([typeof bytes === 'string' ? bytes : toHex(bytes)], options);
  return result;
}

export async function encoded(...values: readonly unknown[]): Promise<readonly string[]> {
  const input = chunks(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  return linesOf((output) => encodeCommand({ input, output }));
}
