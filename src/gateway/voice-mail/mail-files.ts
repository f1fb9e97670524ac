import { mkdir, open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** What the mailboxes need of a file system. */
export interface MailFileSystem {
  makeDirectory(path: string): Promise<void>;
  /** Writes a new file and returns once the disk has it. */
  writeSynced(path: string, content: Uint8Array): Promise<void>;
  /** The directory entry too is on the disk when it returns. */
  rename(from: string, to: string): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  /** Nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  /** Names in a folder; none when there is no such folder. */
  list(path: string): Promise<readonly string[]>;
  /** Bytes that this user may still write. */
  freeBytes(path: string): Promise<number>;
}

export const systemFiles: MailFileSystem = {
  async makeDirectory(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async writeSynced(path, content) {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  async rename(from, to) {
    await rename(from, to);
    const directory = await open(join(to, '..'), 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  async read(path) {
    return new Uint8Array(await readFile(path));
  },
  async remove(path) {
    await rm(path, { force: true });
  },
  async list(path) {
    try {
      return await readdir(path);
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
      throw thrown;
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};

const TEMPORARY = '.tmp';

/** The file is there whole or not at all; a write that broke off leaves a temporary file at most. */
export async function storeFile(files: MailFileSystem, path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}${TEMPORARY}`;
  try {
    await files.writeSynced(temporary, content);
    await files.rename(temporary, path);
  } catch (thrown) {
    await files.remove(temporary).catch(() => {});
    throw thrown;
  }
}

export function isTemporary(name: string): boolean {
  return name.endsWith(TEMPORARY);
}
