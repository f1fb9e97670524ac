import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const folders = ['docs', 'firmware-config', 'hardware', 'systemd', 'src', 'test'];
const everything = [
  ...readdirSync('.'),
  ...folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ),
];
const files = everything.filter((name) => /\.(md|toml)$/.test(name));
const documents = files.filter((name) => name.endsWith('.md'));

/** Without fenced code, in which brackets and hashes mean other things. */
function prose(path: string): string {
  return readFileSync(path, 'utf8').replace(/^```.*?^```/gms, '');
}

/** The anchors that headings get where Markdown is shown. */
function anchors(path: string): Set<string> {
  const seen = new Map<string, number>();
  const found = new Set<string>();
  for (const [, heading = ''] of prose(path).matchAll(/^#{1,6} +(.*)$/gm)) {
    const text = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const slug = text.replace(/[^\p{L}\p{N}_\- ]/gu, '').replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    found.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return found;
}

function deadLinks(path: string): string[] {
  const dead: string[] = [];
  for (const [, target = ''] of prose(path).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : normalize(join(dirname(path), file));
    if (!existsSync(to)) dead.push(`${path}: ${target}`);
    else if (anchor !== undefined && to.endsWith('.md') && !anchors(to).has(anchor)) dead.push(`${path}: ${target}`);
  }
  return dead;
}

describe('documents', () => {
  it('are found', () => {
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/CONFIG.md', 'hardware/README.md']));
  });

  it('link only to files and headings that exist', () => {
    expect(documents.flatMap(deadLinks)).toEqual([]);
  });

  it('name only files of the repository that exist', () => {
    const named = /(?<![\w/.~-])(?:src|test|docs|hardware|firmware-config|systemd)\/[\w./-]*\w\/?/g;
    const missing = files.flatMap((path) => {
      const text = readFileSync(path, 'utf8').match(named) ?? [];
      return text.filter((name) => !existsSync(name)).map((name) => `${path}: ${name}`);
    });
    expect(missing).toEqual([]);
  });
});
