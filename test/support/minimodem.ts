import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeWav } from '#media/wav.ts';

/** Why minimodem can't judge, undefined when it can. */
export const minimodemMissing = spawnSync('minimodem', ['--version']).error
  ? 'minimodem is not installed (apt-get install minimodem)'
  : undefined;

/** What minimodem prints of a sound in one of its modes, such as `callerid` or `1200`; bytes as latin1. */
export function minimodemIn(sound: Int16Array, ...mode: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'minimodem-'));
  try {
    const file = join(directory, 'sound.wav');
    writeFileSync(file, writeWav(sound));
    const { stdout } = spawnSync('minimodem', ['--rx', '--quiet', '--file', file, ...mode]);
    return stdout.toString('latin1');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
