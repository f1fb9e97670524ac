import { access, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { equalBytes, utf8 } from '#platform/bytes.ts';
import type { Random } from '#platform/random.ts';
import { DOCUMENT_FILE, loadAuthority } from '#reload/enrollment/authority-directory.ts';
import { backupFailure, openArchive, sealArchive } from '#reload/enrollment/backup-archive.ts';
import { makePrivateDirectory, writePrivateFile } from '#reload/enrollment/private-files.ts';
import type { KeyValueNamespace } from '#store/key-value-store.ts';

/** What an archive holds: files by their path below the folder, and the accounts; bytes in base64. */
interface Content {
  readonly files: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<string, string>>;
}

/** The accounts of a folder while one works on them: `accounts/` is a database, which cannot be copied file by file. */
export type WithAccounts = <T>(directory: string, work: (accounts: KeyValueNamespace) => Promise<T>) => Promise<T>;

export interface BackupDeps {
  readonly random: Random;
  readonly withAccounts: WithAccounts;
}

/** Folder of the accounts' database below the overlay's. */
const ACCOUNTS = 'accounts';
const MAX_PATH = 200;

/** All that an operator holds of an overlay, in one encrypted archive. Rejects with `Failure<BackupFault>` or as `loadAuthority` does. */
export async function backUpOverlay(deps: BackupDeps, directory: string, passphrase: string): Promise<Uint8Array> {
  const { configuration } = await loadAuthority(directory);
  const accounts = await deps.withAccounts(directory, (namespace) =>
    // One transaction: all of it is of one moment, also while a server runs.
    namespace.update((transaction) =>
      Object.fromEntries(
        [...transaction.keys('')].map((key) => [key, base64(transaction.get(key) ?? new Uint8Array())]),
      ),
    ),
  );
  const files: Record<string, string> = {};
  for (const path of await filesBelow(directory)) files[path] = base64(await readFile(join(directory, path)));
  if (!equalBytes(await readFile(join(directory, DOCUMENT_FILE)), configuration.bytes))
    throw backupFailure('changed-meanwhile', 'The overlay was changed meanwhile. Try again.');
  return sealArchive(utf8(JSON.stringify({ files, accounts } satisfies Content)), passphrase, deps.random);
}

/**
 * Puts an overlay's folder back as it was. `directory` must not exist; it is there whole or not at all. Resolves with the overlay's name;
 * rejects with `Failure<BackupFault>`.
 */
export async function restoreOverlay(
  deps: BackupDeps,
  {
    archive,
    passphrase,
    directory,
  }: { readonly archive: Uint8Array; readonly passphrase: string; readonly directory: string },
): Promise<string> {
  if (await exists(directory))
    throw backupFailure('exists', `${directory} is there already. Take another directory; nothing is overwritten.`);
  const content = readContent(await openArchive(archive, passphrase));
  const temporary = `${directory}.${process.pid}.tmp`;
  try {
    for (const [path, data] of Object.entries(content.files)) {
      const at = join(temporary, path);
      await makePrivateDirectory(dirname(at));
      await writePrivateFile(dirname(at), basename(at), Buffer.from(data, 'base64'));
    }
    await deps.withAccounts(temporary, (namespace) =>
      namespace.update((transaction) => {
        for (const [key, data] of Object.entries(content.accounts)) transaction.put(key, Buffer.from(data, 'base64'));
      }),
    );
    const { overlayName } = await loadAuthority(temporary);
    await rename(temporary, directory);
    return overlayName;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function readContent(bytes: Uint8Array): Content {
  const content: Content = JSON.parse(Buffer.from(bytes).toString('utf8'));
  // Whoever made the archive knew the passphrase; all the same nothing is written outside the folder.
  const strange = Object.keys(content.files).find((path) => path.length > MAX_PATH || !isPlainPath(path));
  if (strange !== undefined) throw backupFailure('damaged', `The archive has a file of a strange name, ${strange}.`);
  return content;
}

function isPlainPath(path: string): boolean {
  return path.split('/').every((part) => /^[0-9A-Za-z][0-9A-Za-z._-]*$/.test(part));
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== ACCOUNTS) {
      const below = await filesBelow(join(directory, entry.name));
      found.push(...below.map((path) => `${entry.name}/${path}`));
    }
    if (entry.isFile() && isPlainPath(entry.name) && !entry.name.endsWith('.tmp')) found.push(entry.name);
  }
  return found;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
