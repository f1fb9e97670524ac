import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '#platform/failure.ts';
import type { SchemaProblem } from '#platform/schema-problems.ts';
import type { ModemProfile } from '#pstn/modem/profiles/schema.ts';

interface ProfileFault {
  readonly code: 'unreadable' | 'invalid' | 'unknown-profile';
  /** Paths begin with the file's name. */
  readonly problems: readonly SchemaProblem[];
}

/** Where a user's own profiles lie. */
const PROFILE_FOLDER = '/etc/copperring/modems';
const MAX_FILES = 64;
const MAX_FILE = 65_536;

/**
 * The built-in profiles with those of a folder, which take the place of a built-in one of the same name. Without `folder` the usual one is read
 * where it exists. Rejects with `Failure<ProfileFault>` that lists everything wrong.
 */
export async function loadProfiles(folder: string | undefined): Promise<readonly ModemProfile[]> {
  const { builtInProfiles } = await import('#pstn/modem/profiles/built-in.ts');
  const own = await readFolder(folder ?? PROFILE_FOLDER, folder === undefined);
  const names = new Set(own.map(({ name }) => name));
  return [...builtInProfiles.filter(({ name }) => !names.has(name)), ...own];
}

/** Rejects with `Failure<ProfileFault>` when no profile has the name. */
export function profileNamed(profiles: readonly ModemProfile[], name: string): ModemProfile {
  const profile = profiles.find((candidate) => candidate.name === name);
  if (profile !== undefined) return profile;
  const advice = `there is no such modem profile; give one of ${profiles.map((known) => known.name).join(', ')}`;
  throw new Failure<ProfileFault>(
    { code: 'unknown-profile', problems: [{ path: name, advice }] },
    `${name}: ${advice}`,
  );
}

async function readFolder(folder: string, mayBeMissing: boolean): Promise<readonly ModemProfile[]> {
  const files = await list(folder, mayBeMissing);
  if (files.length === 0) return [];
  // Loaded here, since hardly anybody has profiles of their own.
  const [{ parse }, { checkProfile }] = await Promise.all([
    import('smol-toml'),
    import('#pstn/modem/profiles/check.ts'),
  ]);
  const profiles: ModemProfile[] = [];
  const problems: SchemaProblem[] = [];
  for (const file of files) {
    try {
      const outcome = checkProfile(parse(await readBounded(join(folder, file))));
      if ('profile' in outcome) profiles.push(outcome.profile);
      else problems.push(...outcome.problems.map(({ path, advice }) => ({ path: `${file}: ${path}`, advice })));
    } catch (thrown) {
      problems.push({ path: file, advice: `this cannot be read as TOML: ${messageOf(thrown)}` });
    }
  }
  problems.push(...doubled(profiles));
  if (problems.length === 0) return profiles;
  throw failure('invalid', folder, problems);
}

async function list(folder: string, mayBeMissing: boolean): Promise<readonly string[]> {
  try {
    const files = (await readdir(folder)).filter((name) => name.endsWith('.toml')).sort();
    if (files.length <= MAX_FILES) return files;
    throw new Error(`it holds more than ${MAX_FILES} profiles`);
  } catch (thrown) {
    const missing = thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
    if (missing && mayBeMissing) return [];
    throw failure('unreadable', folder, [{ path: folder, advice: `the folder cannot be read: ${messageOf(thrown)}` }]);
  }
}

async function readBounded(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAX_FILE + 1));
    if (bytesRead > MAX_FILE) throw new Error(`it has more than ${MAX_FILE} bytes`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function doubled(profiles: readonly ModemProfile[]): SchemaProblem[] {
  const seen = new Set<string>();
  return profiles
    .filter(({ name }) => seen.has(name) || !seen.add(name))
    .map(({ name }) => ({ path: name, advice: 'two files have this name; rename one of them' }));
}

function failure(code: ProfileFault['code'], where: string, problems: readonly SchemaProblem[]): Failure<ProfileFault> {
  const listed = problems.map(({ path, advice }) => `\n  ${path}: ${advice}`).join('');
  return new Failure<ProfileFault>({ code, problems }, `${where} has ${problems.length} fault(s):${listed}`);
}
