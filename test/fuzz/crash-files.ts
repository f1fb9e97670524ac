import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An input that once broke a promise, kept so that it never does again. */
export interface CrashFile {
  readonly target: string;
  /** Of the run and the case that found it. */
  readonly seed: string;
  /** What went wrong then. */
  readonly why: string;
  readonly detail: string;
  /** Base64; for the ring a JSON text of recipes. */
  readonly input: string;
  /** How to see it again. */
  readonly replay: string;
}

export const CRASHES = 'test/fuzz/crashes';

/** Writes the file and returns its path. The name says the target and the input, so that the same crash has one file. */
export function saveCrash(crash: Omit<CrashFile, 'input' | 'replay'>, input: Uint8Array, directory = CRASHES): string {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 10);
  const path = join(directory, `${crash.target.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${hash}.json`);
  mkdirSync(directory, { recursive: true });
  const file: CrashFile = {
    ...crash,
    detail: withoutPaths(crash.detail),
    input: Buffer.from(input).toString('base64'),
    replay: `npm run fuzz -- --replay ${path}`,
  };
  writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

export function readCrash(path: string): CrashFile {
  return JSON.parse(readFileSync(path, 'utf8')) as CrashFile;
}

export function crashFiles(directory = CRASHES): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(directory, name));
}

/** Traces name folders of the machine, which do not belong into the repository. */
function withoutPaths(detail: string): string {
  return detail.replace(/(?:file:\/\/)?\/[^\s():]*\/(?=[^\s():/]+)/g, '');
}
