/** One field of a form. */
export interface FormPart {
  /** Lower case, without parameters; `text/plain` when the part names none. */
  readonly contentType: string;
  readonly data: Uint8Array;
}

const MAX_PARTS = 16;
const MAX_PART_HEADER = 2048;
const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');

/**
 * Reads a multipart/form-data body (RFC 2388, RFC 7578) in one pass. Undefined when it is none, has a name twice, or more
 * than 16 parts.
 */
export function readForm(contentType: string, body: Uint8Array): ReadonlyMap<string, FormPart> | undefined {
  const boundary = boundaryOf(contentType);
  if (boundary === undefined) return undefined;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const opening = delimiter.subarray(2);
  const parts = new Map<string, FormPart>();
  let at = bytes.subarray(0, opening.length).equals(opening) ? opening.length : after(bytes, delimiter, 0);
  while (at !== undefined) {
    if (bytes.subarray(at, at + 2).toString('latin1') === '--') return parts;
    const start = skipLineEnd(bytes, at);
    const end = start === undefined ? -1 : bytes.indexOf(delimiter, start);
    if (start === undefined || end < 0 || parts.size >= MAX_PARTS) return undefined;
    const read = readPart(bytes.subarray(start, end));
    if (read === undefined || parts.has(read.name)) return undefined;
    parts.set(read.name, read.part);
    at = end + delimiter.length;
  }
  return undefined;
}

function after(bytes: Buffer, needle: Buffer, from: number): number | undefined {
  const found = bytes.indexOf(needle, from);
  return found < 0 ? undefined : found + needle.length;
}

/** Blanks may stand between a boundary and its line end (RFC 2046 §5.1.1). */
function skipLineEnd(bytes: Buffer, from: number): number | undefined {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at += 1;
  return bytes.subarray(at, at + 2).equals(CRLF) ? at + 2 : undefined;
}

function readPart(bytes: Buffer): { readonly name: string; readonly part: FormPart } | undefined {
  const headerEnd = bytes.subarray(0, MAX_PART_HEADER).indexOf(BLANK_LINE);
  if (headerEnd < 0) return undefined;
  const headers = new Map<string, string>();
  for (const line of bytes.subarray(0, headerEnd).toString('utf8').split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  const [disposition, parameters] = readParameters(headers.get('content-disposition') ?? '');
  const name = parameters.get('name');
  if (disposition !== 'form-data' || name === undefined) return undefined;
  const [contentType] = readParameters(headers.get('content-type') ?? 'text/plain');
  return { name, part: { contentType, data: bytes.subarray(headerEnd + BLANK_LINE.length) } };
}

/** RFC 2046 §5.1.1: 1 to 70 characters. */
function boundaryOf(contentType: string): string | undefined {
  const [type, parameters] = readParameters(contentType);
  const boundary = parameters.get('boundary');
  if (type !== 'multipart/form-data' || boundary === undefined) return undefined;
  return /^[0-9A-Za-z'()+_,\-./:=? ]{1,70}$/.test(boundary) ? boundary : undefined;
}

/** A header value and its `name=value` or `name="value"` parameters. */
export function readParameters(header: string): readonly [string, ReadonlyMap<string, string>] {
  const parameters = new Map<string, string>();
  const [value, ...rest] = splitOutsideQuotes(header);
  for (const piece of rest) {
    const equals = piece.indexOf('=');
    if (equals < 0) continue;
    const raw = piece.slice(equals + 1).trim();
    const quoted = raw.length >= 2 && raw.startsWith('"') && raw.endsWith('"');
    parameters.set(
      piece.slice(0, equals).trim().toLowerCase(),
      quoted ? raw.slice(1, -1).replace(/\\(.)/g, '$1') : raw,
    );
  }
  return [(value ?? '').trim().toLowerCase(), parameters];
}

function splitOutsideQuotes(text: string): readonly string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '\\' && quoted) i += 1;
    else if (c === '"') quoted = !quoted;
    else if (c === ';' && !quoted) {
      pieces.push(text.slice(start, i));
      start = i + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Writes a form. `boundary` must not occur in the data: draw it at random. */
export function writeForm(
  boundary: string,
  parts: ReadonlyMap<
    string,
    { readonly data: Uint8Array | string; readonly contentType?: string; readonly fileName?: string }
  >,
): { readonly contentType: string; readonly body: Uint8Array } {
  const chunks: Buffer[] = [];
  for (const [name, { data, contentType, fileName }] of parts) {
    const file = fileName === undefined ? '' : `; filename="${fileName}"`;
    const type = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
    chunks.push(Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${type}\r\n`));
    chunks.push(Buffer.from(data), CRLF);
  }
  chunks.push(Buffer.from(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(chunks) };
}
