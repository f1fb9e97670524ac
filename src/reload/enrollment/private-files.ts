import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Makes a directory only its owner can enter. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** Writes a file only its owner can read. It is there whole or not at all, also after a loss of power. */
export async function writePrivateFile(directory: string, name: string, content: Uint8Array | string): Promise<void> {
  const path = join(directory, name);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      // The mode above counts only for new files.
      await file.chmod(0o600);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (reason) {
    await rm(temporary, { force: true });
    throw reason;
  }
}
