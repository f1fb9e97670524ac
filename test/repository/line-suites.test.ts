import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';

const read = (path: string) => readFileSync(path, 'utf8');

/** What a telephone line needs, one suite each. */
const ITEMS = [
  'modem-profiles',
  'supervision',
  'signal-processing',
  'call-handling',
  'screening-and-privacy',
  'voice-mail',
  'call-records',
  'recovery',
];
const DOCUMENTS = ['docs/MODEMS.md', 'docs/DIALPLAN.md', 'docs/SCREENING.md', 'docs/PRIVACY.md', 'hardware/README.md'];

describe('the suites of the line', () => {
  it('are there for each item, run by one command, which the checks of every change call', () => {
    const suites = readdirSync('test/line').filter((name) => /^\d/.test(name));
    expect(suites.sort()).toEqual(ITEMS.map((item, i) => `${i + 1}-${item}`));
    for (const suite of [...suites, 'sound-quality']) {
      const files = readdirSync(join('test/line', suite)).filter((name) => name.endsWith('.test.ts'));
      expect(files.length, suite).toBeGreaterThan(1);
    }
    const { scripts } = JSON.parse(read('package.json'));
    expect(scripts['test:line']).toMatch(/--project line --project line-live /);
    expect(read('.ci/run')).toMatch(/^step 'line suites' npm run --silent test:line$/m);
  });
});

describe('the documents for who has a telephone line', () => {
  it.each(DOCUMENTS)('%s leads nowhere that is not there', (document) => {
    const links = [...read(document).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target);
    const local = links.filter((target) => !/^[a-z]+:/.test(target));
    expect(local.filter((target) => !existsSync(join(dirname(document), target)))).toEqual([]);
    expect(read('README.md') + read('docs/CALLS.md')).toContain(document.replace(/^docs\//, ''));
  });

  it('shows wiring, levels and the way of the sound in pictures that are well-formed', () => {
    const pictures = readdirSync('hardware').filter((name) => name.endsWith('.svg'));
    expect(pictures.length).toBeGreaterThanOrEqual(3);
    for (const picture of pictures) {
      expect(read('hardware/README.md')).toContain(`(${picture})`);
      let text = '';
      const parser = new SaxesParser();
      parser.on('error', (error) => {
        throw error;
      });
      parser.on('text', (part) => {
        text += part;
      });
      parser.write(read(join('hardware', picture))).close();
      expect(text.trim().length, picture).toBeGreaterThan(50);
    }
  });

  it('says what to buy, how to wire it, what is dangerous, and what telephone approval means', () => {
    const headings = [...read('hardware/README.md').matchAll(/^##+ (.+)$/gm)].map(([, heading = '']) => heading);
    for (const topic of [/buy/i, /wir|socket|plug|connect/i, /safe|danger|lightning/i, /approv|law/i]) {
      expect(headings.join('\n')).toMatch(topic);
    }
  });

  it('says of every modem where its facts are from', () => {
    for (const file of readdirSync('firmware-config/modems')) {
      const facts = read(join('firmware-config/modems', file)).match(/^says = .*\nfrom = .*$/gm) ?? [];
      expect(facts.length, file).toBeGreaterThan(0);
      for (const fact of facts) expect(fact).toMatch(/\nfrom = "(standard|manual|measured|emulator)"$/);
    }
  });
});
