import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ConfigProblem } from '#config/problem.ts';
import type { Config, ConfigInput } from '#config/schema.ts';
import { Failure, messageOf } from '#platform/failure.ts';

export interface ConfigFault {
  readonly code: 'unreadable' | 'not-toml' | 'invalid';
  readonly problems: readonly ConfigProblem[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const MAX_FILE = 1_000_000;
const VARIABLE_PREFIX = 'COPPERRING_';
/** Read by commands, not part of the configuration. */
const OTHER_VARIABLES: ReadonlySet<string> = new Set(['COPPERRING_PASSWORD']);

/**
 * Reads the file, or takes the defaults where there is none, lays the environment over it and checks everything. `COPPERRING_SIP__LISTEN` sets `sip.listen`;
 * values are read as TOML where they are TOML, else as text. Rejects with `Failure<ConfigFault>` that lists every problem.
 */
export async function loadConfig(
  file: string | undefined,
  environment: Environment,
  defaults: ConfigInput = {},
): Promise<Config> {
  // Loaded here, so that commands without a configuration do not pay for them.
  const [{ parse }, { checkConfig }] = await Promise.all([import('smol-toml'), import('#config/check.ts')]);
  let tree: Record<string, unknown> = structuredClone(defaults);
  if (file !== undefined) {
    const source = await readBounded(file);
    try {
      tree = parse(source);
    } catch (thrown) {
      throw failure('not-toml', file, [{ path: file, advice: `this is not TOML: ${messageOf(thrown)}` }]);
    }
  }
  const misplaced: ConfigProblem[] = [];
  for (const [path, text] of variables(environment)) {
    if (!assign(tree, path, readValue(text, parse))) {
      misplaced.push({
        path: path.join('.'),
        advice: 'a part of a list cannot be set by a variable; change it in the file',
      });
    }
  }
  const outcome = checkConfig(tree);
  const problems = [...misplaced, ...('problems' in outcome ? outcome.problems : [])];
  if ('problems' in outcome || problems.length > 0) {
    throw failure('invalid', file ?? 'the configuration', problems);
  }
  return outcome.config;
}

/** The folder for everything that outlives the process. */
export function stateDirectory(config: Pick<Config, 'state'>, environment: Environment): string {
  if (config.state !== undefined) return config.state;
  const base = environment.XDG_DATA_HOME || join(homedir(), '.local', 'share');
  return join(base, 'copperring');
}

async function readBounded(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE) throw new Error(`it has more than ${MAX_FILE} bytes`);
    return await readFile(file, 'utf8');
  } catch (thrown) {
    throw failure('unreadable', file, [{ path: file, advice: `the file cannot be read: ${messageOf(thrown)}` }]);
  }
}

function* variables(environment: Environment): Iterable<readonly [path: readonly string[], text: string]> {
  for (const name of Object.keys(environment).sort()) {
    const text = environment[name];
    if (!name.startsWith(VARIABLE_PREFIX) || OTHER_VARIABLES.has(name) || text === undefined) continue;
    yield [name.slice(VARIABLE_PREFIX.length).toLowerCase().split('__'), text];
  }
}

function readValue(text: string, parse: (source: string) => Record<string, unknown>): unknown {
  try {
    return parse(`value = ${text}`).value;
  } catch {
    return text;
  }
}

/** False where the path leads into a list: whoever wrote `[[line]]` means several, and the variable names none of them. */
function assign(tree: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  let at = tree;
  for (const key of path.slice(0, -1)) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined;
    if (Array.isArray(next)) return false;
    const section: Record<string, unknown> = isTable(next) ? next : {};
    at[key] = section;
    at = section;
  }
  const last = path.at(-1);
  if (last !== undefined) at[last] = value;
  return true;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failure(code: ConfigFault['code'], where: string, problems: readonly ConfigProblem[]): Failure<ConfigFault> {
  const list = problems.map(({ path, advice }) => `\n  ${path}: ${advice}`).join('');
  return new Failure<ConfigFault>({ code, problems }, `${where} has ${problems.length} fault(s):${list}`);
}
