import { SAMPLE_RATE } from '#media/tones.ts';
import { readWav, wavAsMulaw, writeWav } from '#media/wav.ts';
import { concat, equalBytes, utf8 } from '#platform/bytes.ts';

/** What a message says of itself, in its file. */
export interface MessageFacts {
  /** The number the line told, or a user; `withheld` or `unavailable` when it told none. */
  readonly caller: string;
  readonly callerName: string | undefined;
  /** The line it came over; undefined for a call by SIP. */
  readonly line: string | undefined;
}

const NOBODY: MessageFacts = { caller: 'unavailable', callerName: undefined, line: undefined };
/** Of mu-law at 8000 samples a second. */
const OWN_HEADER = withoutLengths(writeWav(new Uint8Array()));
const MAX_COMMENT = 4096;
const MAX_GREETING_SECONDS = 60;

/**
 * A WAV file in mu-law whose comment (chunk LIST, INFO, ICMT of the RIFF specification) says who called, so that the file alone
 * is enough to make its entry in the index anew.
 */
export function messageFile(sound: Uint8Array, facts: MessageFacts): Uint8Array {
  const text = utf8(JSON.stringify(facts));
  // Texts in INFO end with a zero, chunks at an even place.
  const comment = concat(text, new Uint8Array(2 - (text.length % 2)));
  const audio = writeWav(sound.length % 2 === 0 ? sound : concat(sound, Uint8Array.of(0xff)));
  const file = concat(audio, chunk('LIST', concat(utf8('INFO'), chunk('ICMT', comment))));
  new DataView(file.buffer, file.byteOffset).setUint32(4, file.length - 8, true);
  return file;
}

/** The sound of a message in mu-law. Throws `Failure<WavFault>`. */
export function soundOf(file: Uint8Array): Uint8Array {
  // What this program wrote needs no conversion, which for minutes of sound would hold up calls.
  if (file.length > OWN_HEADER.length && equalBytes(withoutLengths(file), OWN_HEADER)) {
    const length = new DataView(file.buffer, file.byteOffset).getUint32(40, true);
    return file.slice(44, 44 + length);
  }
  return wavAsMulaw(readWav(file));
}

/** The start of a file up to the sound, without the lengths that stand in it. */
function withoutLengths(file: Uint8Array): Uint8Array {
  const header = file.slice(0, 44);
  header.fill(0, 4, 8);
  header.fill(0, 40, 44);
  return header;
}

/** A greeting as small as it gets: mu-law, and no longer than a greeting may be. Throws `Failure<WavFault>`. */
export function compactGreeting(file: Uint8Array): Uint8Array {
  return writeWav(greetingSound(file));
}

/** A greeting out of a WAV file, in mu-law; longer ones are cut. Throws `Failure<WavFault>`. */
export function greetingSound(file: Uint8Array): Uint8Array {
  return soundOf(file).slice(0, MAX_GREETING_SECONDS * SAMPLE_RATE);
}

/** Who called, by the comment; nobody known when there is none or it is damaged. */
export function factsOf(file: Uint8Array): MessageFacts {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 12; at + 8 <= buffer.length; ) {
    const length = buffer.readUInt32LE(at + 4);
    const tag = buffer.toString('latin1', at, at + 4);
    if (tag === 'LIST' && buffer.toString('latin1', at + 8, at + 16) === 'INFOICMT') {
      return parseFacts(buffer.subarray(at + 20, Math.min(at + 8 + length, at + 20 + MAX_COMMENT)));
    }
    at += 8 + length + (length & 1);
  }
  return NOBODY;
}

function parseFacts(bytes: Buffer): MessageFacts {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8').replace(/\0+$/, ''));
    if (typeof parsed !== 'object' || parsed === null || !('caller' in parsed)) return NOBODY;
    const { caller, callerName, line } = parsed as Readonly<Record<string, unknown>>;
    return {
      caller: typeof caller === 'string' ? caller : NOBODY.caller,
      callerName: typeof callerName === 'string' ? callerName : undefined,
      line: typeof line === 'string' ? line : undefined,
    };
  } catch {
    return NOBODY;
  }
}

function chunk(tag: string, content: Uint8Array): Uint8Array {
  const head = new Uint8Array(8);
  head.set(utf8(tag));
  new DataView(head.buffer).setUint32(4, content.length, true);
  return concat(head, content);
}
