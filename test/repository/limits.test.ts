import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const rows = readFileSync('docs/LIMITS.md', 'utf8')
  .split('\n')
  .map((line) => /\| `(src\/[^`]+\.ts)`: `([^`]+)` \|$/.exec(line))
  .flatMap((found) => (found === null ? [] : [{ file: found[1] ?? '', code: found[2] ?? '' }]));

describe('docs/LIMITS.md', () => {
  it('says of each limit where it stands, and the code there says the same', () => {
    const lines = readFileSync('docs/LIMITS.md', 'utf8').split('\n');
    const tableRows = lines.filter((line) => /^\| (?!what |---)/.test(line) && !line.startsWith('|---'));
    expect(rows).toHaveLength(tableRows.length);
    const wrong = rows.filter(({ file, code }) => !existsSync(file) || !holds(readFileSync(file, 'utf8'), code));
    expect(wrong).toEqual([]);
  });

  it('leaves out no constant that is named a maximum', () => {
    const listed = new Set(rows.map(({ file, code }) => `${file} ${code.split(' ')[0]}`));
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const constants = files
      .map((name) => join('src', name))
      .flatMap((file) =>
        Array.from(readFileSync(file, 'utf8').matchAll(/const (MAX_[A-Z_]+) =/g), ([, name]) => `${file} ${name}`),
      );
    expect(constants.length).toBeGreaterThan(100);
    expect(constants.filter((constant) => !listed.has(constant))).toEqual([]);
  });
});

/** A number must end where the fragment does: `MAX_LINE = 51` is not in `MAX_LINE = 512`. */
function holds(source: string, code: string): boolean {
  for (let at = source.indexOf(code); at >= 0; at = source.indexOf(code, at + 1)) {
    if (!/\d$/.test(code) || !/^[\d_.]/.test(source.slice(at + code.length))) return true;
  }
  return false;
}
