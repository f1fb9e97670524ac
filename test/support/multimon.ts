import { spawnSync } from 'node:child_process';

/** Why multimon-ng can't judge, undefined when it can. */
export const multimonMissing = missing();

function missing(): string | undefined {
  if (spawnSync('multimon-ng', ['-h']).error) return 'multimon-ng is not installed (apt-get install multimon-ng)';
  if (spawnSync('sox', ['--version']).status !== 0) return 'sox is not installed (apt-get install sox)';
  return undefined;
}

/** The DTMF keys that multimon-ng hears in mu-law sound. */
export function multimonDigitsIn(codes: Uint8Array): string {
  const from = ['-t', 'raw', '-r', '8000', '-c', '1', '-e', 'mu-law', '-b', '8', '-'];
  const to = ['-t', 'raw', '-r', '22050', '-e', 'signed', '-b', '16', '-'];
  const { stdout } = spawnSync('sox', ['-D', ...from, ...to], { input: codes, maxBuffer: 1 << 28 });
  const { stdout: said } = spawnSync('multimon-ng', ['-q', '-t', 'raw', '-a', 'DTMF', '-'], { input: stdout });
  return [...said.toString('latin1').matchAll(/^DTMF: (\S)/gm)].map((match) => match[1]).join('');
}
