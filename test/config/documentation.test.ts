import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { loadConfig } from '#config/load.ts';
import { configSchema } from '#config/schema.ts';
import { domainName, e164, e164Prefix, hostPort, text, userName, userPattern } from '#config/values.ts';

interface Setting {
  readonly schema: z.core.$ZodType;
  /** As TOML; `none` for what may be left out, `required` for what may not. */
  readonly default: string;
}

interface Row {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly example: string;
  readonly meaning: string;
}

const NAMED_TYPES = new Map<unknown, string>([
  [text, 'text'],
  [hostPort, 'address and port'],
  [domainName, 'domain name'],
  [userName, 'user name'],
  [userPattern, 'user pattern'],
  [e164, 'E.164 number'],
  [e164Prefix, 'number prefix'],
]);

/** Every setting of the schema by its path; elements of lists that are tables count as `list[].key`. */
function settingsOf(schema: z.core.$ZodType, path: string, byDefault = 'required'): readonly [string, Setting][] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case 'optional':
      return settingsOf(def.innerType, path, 'none');
    case 'default':
    case 'prefault':
      return settingsOf(def.innerType, path, JSON.stringify(def.defaultValue));
    case 'object':
      return Object.entries(def.shape).flatMap(([key, inner]) =>
        settingsOf(inner, path === '' ? key : `${path}.${key}`),
      );
    case 'array': {
      const own: [string, Setting] = [path, { schema, default: byDefault }];
      const element = (def.element as z.core.$ZodTypes)._zod.def;
      return element.type === 'object' ? [own, ...settingsOf(def.element, `${path}[]`)] : [own];
    }
    default:
      return [[path, { schema, default: byDefault }]];
  }
}

/** Of numbers the range, of lists the count. */
function boundsOf(schema: z.core.$ZodType): { readonly least?: unknown; readonly most?: unknown } {
  const checks = schema._zod.def.checks?.map(
    (check) => check._zod.def as z.core.$ZodCheckDef & Record<string, unknown>,
  );
  const find = (...kinds: readonly string[]) => checks?.find(({ check }) => kinds.includes(check));
  const lower = find('greater_than', 'min_length');
  const upper = find('less_than', 'max_length');
  return { least: lower?.value ?? lower?.minimum, most: upper?.value ?? upper?.maximum };
}

/** What the type column has to say, where the schema says it; undefined for texts of their own form. */
function typeOf(schema: z.core.$ZodType): string | undefined {
  const named = NAMED_TYPES.get(schema);
  if (named !== undefined) return named;
  const def = (schema as z.core.$ZodTypes)._zod.def;
  const { least, most } = boundsOf(schema);
  switch (def.type) {
    case 'boolean':
      return 'true or false';
    case 'number':
      return `whole number, ${least} to ${most}`;
    case 'enum':
      return `one of ${Object.values(def.entries)
        .map((value) => `\`${value}\``)
        .join(', ')}`;
    case 'array': {
      const isTable = (def.element as z.core.$ZodTypes)._zod.def.type === 'object';
      const element = isTable ? 'tables' : typeOf(def.element);
      if (most === undefined) return `list of ${element}`;
      const count = least === undefined ? `at most ${most}` : `${least} to ${most}`;
      return element === undefined ? `list of ${count}: ` : `list of ${count}: ${element}`;
    }
    default:
      return undefined;
  }
}

/** Lines are a list, documented as people with one line write it: `[line]`. */
const settings = new Map(
  settingsOf(configSchema, '').flatMap(([path, setting]): [string, Setting][] =>
    path === 'line' ? [] : [[path.replace(/^line\[\]\./, 'line.'), setting]],
  ),
);
let rows: readonly Row[];
let directory: string;

beforeAll(async () => {
  const document = await readFile('docs/CONFIG.md', 'utf8');
  rows = document
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 7 && /^`[a-z_.[\]]+`$/.test(cells[1] ?? ''))
    .map(([, key = '', type = '', byDefault = '', example = '', meaning = '']) => ({
      key: key.slice(1, -1),
      type,
      default: unquoted(byDefault),
      example: unquoted(example),
      meaning,
    }));
  directory = await mkdtemp(join(tmpdir(), 'copperring-documents-'));
});
afterAll(() => rm(directory, { recursive: true }));

function unquoted(cell: string): string {
  return cell.startsWith('`') && cell.endsWith('`') ? cell.slice(1, -1) : cell;
}

function tomlBlocks(markdown: string): readonly string[] {
  return Array.from(markdown.matchAll(/```toml\n([\s\S]*?)```/g), ([, block = '']) => block);
}

async function load(toml: string, environment: Readonly<Record<string, string>> = {}) {
  const file = join(directory, 'copperring.toml');
  await writeFile(file, toml);
  return loadConfig(file, environment);
}

describe('docs/CONFIG.md', () => {
  it('has every setting of the schema, once, and no other', () => {
    expect(rows.map(({ key }) => key).sort()).toEqual([...settings.keys()].sort());
  });

  it('has the schema’s types, ranges and choices', () => {
    const wrong = rows.filter(({ key, type }) => !type.startsWith(typeOf(settings.get(key)!.schema) ?? ''));
    expect(wrong).toEqual([]);
    expect(rows.filter(({ type }) => type === '')).toEqual([]);
  });

  it('has the schema’s defaults', () => {
    const normal = (value: string) => value.replaceAll(' ', '');
    const wrong = rows.filter((row) => normal(row.default) !== normal(settings.get(row.key)!.default));
    expect(wrong).toEqual([]);
  });

  it('has examples that the schema accepts and that are not the default', () => {
    for (const { key, example, default: byDefault } of rows) {
      const { value } = parse(`value = ${example}`);
      const outcome = z.safeParse(settings.get(key)!.schema, value);
      expect(outcome.success, `${key} = ${example}`).toBe(true);
      if (typeof value === 'boolean') expect(example, key).not.toBe(byDefault);
    }
  });

  it('tells the truth about environment variables: each setting outside of lists has one', async () => {
    for (const { key, example } of rows.filter((row) => !row.key.includes('[]'))) {
      const name = `COPPERRING_${key.toUpperCase().replaceAll('.', '__')}`;
      const complaints = await load('', { [name]: example }).then(
        () => [],
        (thrown) => String(thrown).split('\n'),
      );
      // Other settings may be missing beside it; this one must be known and of the right form.
      const own = complaints.filter((line) => line.startsWith(`  ${key}: `));
      expect(own.filter((line) => /no such setting|give /.test(line))).toEqual([]);
    }
  });
});

describe('configurations for people', () => {
  it('all TOML in README.md is a valid configuration', async () => {
    const blocks = tomlBlocks(await readFile('README.md', 'utf8'));
    expect(blocks.length).toBeGreaterThanOrEqual(4);
    for (const block of blocks) await expect(load(block), block).resolves.toBeDefined();
  });

  it('the file for the Pi stays valid with each of its commented settings switched on', async () => {
    const source = await readFile('firmware-config/copperring.toml', 'utf8');
    expect(switchedOn(source)).not.toBe(source);
    const config = await load(switchedOn(source));
    expect(config.mqtt).toBeDefined();
    expect(config.lines).toMatchObject([{ device: '/dev/copperring-line', emulated: false }]);
  });

  it('the file for the Pi shows every setting that a gateway with a modem can have', async () => {
    const tree = parse(switchedOn(await readFile('firmware-config/copperring.toml', 'utf8')));
    const elsewhere =
      /^(?:overlay\.(?:loopback|keylog|timers)|line\.emulated|phones|sip\.(?:listen|any_port)|enrollment)/;
    const missing = [...settings.keys()].filter(
      (key) => !key.includes('[]') && !elsewhere.test(key) && !has(tree, key),
    );
    expect(missing).toEqual([]);
  });
});

/** Lines such as `# ring_seconds = 60` and `# [mqtt]` without their comment sign. */
function switchedOn(source: string): string {
  return source.replaceAll(/^# (?=\[|[a-z_]+ = )/gm, '');
}

function has(tree: unknown, path: string): boolean {
  let at = tree;
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !(key in at)) return false;
    at = at[key as keyof typeof at];
  }
  return true;
}
