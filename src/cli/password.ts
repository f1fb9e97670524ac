import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Failure } from '#platform/failure.ts';

/** The environment variable a password may come in. */
export const PASSWORD_VARIABLE = 'COPPERRING_PASSWORD';

const MAX_BYTES = 1024;

export interface PasswordSources {
  /** First line of this file. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The variable it may come in; COPPERRING_PASSWORD by default. */
  readonly variable?: string;
  /** Asked last: first line when piped, a prompt without echo on a terminal. */
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

interface PasswordFault {
  readonly code: 'no-password' | 'password-too-long';
}

/** Reads a password from a file, the environment or standard input; never from the command line, which others can see. */
export async function readPassword(sources: PasswordSources, prompt: string): Promise<string> {
  const { variable = PASSWORD_VARIABLE } = sources;
  const password =
    sources.file === undefined
      ? (sources.environment[variable] ?? (await ask(sources, prompt)))
      : firstLine(await readFile(sources.file, 'utf8'));
  if (password === '')
    throw new Failure<PasswordFault>(
      { code: 'no-password' },
      `No password given. Type it, pipe it in, put it into ${variable}, or name a file.`,
    );
  if (Buffer.byteLength(password) > MAX_BYTES)
    throw new Failure<PasswordFault>({ code: 'password-too-long' }, `A password has at most ${MAX_BYTES} bytes.`);
  return password;
}

function ask({ input, output }: PasswordSources, prompt: string): Promise<string> {
  const terminal = input.isTTY === true;
  if (terminal) output.write(prompt);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal });
  return new Promise((resolve) => {
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => {
      if (terminal) output.write('\n');
      resolve('');
    });
  });
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] ?? '';
}
