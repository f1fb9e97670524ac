/** A line of input, or word of one that was longer than the limit (its text is gone). */
export type Line = { readonly text: string } | { readonly tooLong: true };

/**
 * Splits a byte stream into lines of at most `limit` bytes, holding no more than that. A carriage return before the
 * line feed is cut off; the last line may lack its line feed.
 */
export async function* splitLines(input: AsyncIterable<Uint8Array | string>, limit: number): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let size = 0;
  const keep = (piece: Buffer) => {
    size += piece.length;
    if (size <= limit) held.push(piece);
    else held = [];
  };
  const finish = (): Line => {
    const line: Line =
      size > limit ? { tooLong: true } : { text: Buffer.concat(held).toString('utf8').replace(/\r$/, '') };
    held = [];
    size = 0;
    return line;
  };
  for await (const chunk of input) {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      keep(bytes.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    if (start < bytes.length) keep(bytes.subarray(start));
  }
  if (size > 0) yield finish();
}
