import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUserNameFilter } from '#reload/overlay-config/domain-restriction.ts';
import { compilePattern } from '#reload/overlay-config/posix-pattern.ts';

function matches(pattern: string, text: string): boolean | undefined {
  return compilePattern(pattern)?.(text);
}

describe('POSIX extended regular expressions', () => {
  it('match the whole text, as the example patterns of RFC 7904 ask', () => {
    expect(matches('dht\\.example\\.com', 'dht.example.com')).toBe(true);
    expect(matches('dht\\.example\\.com', 'xdht.example.com')).toBe(false);
    expect(matches('dht\\.example\\.com', 'dhtxexample.com')).toBe(false);
    expect(matches('.*\\.my\\.example', 'a.b.my.example')).toBe(true);
    expect(matches('.*\\.my\\.example', 'my.example')).toBe(false);
  });

  it.each([
    ['a|b|cd', ['a', 'b', 'cd'], ['', 'ab', 'c']],
    ['(ab)+c?', ['ab', 'abab', 'ababc'], ['', 'c', 'abcc']],
    ['a{2,3}', ['aa', 'aaa'], ['a', 'aaaa']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{2,}b', ['aab', 'aaaaab'], ['ab']],
    ['(a{0}b){0,2}', ['', 'b', 'bb'], ['bbb', 'a']],
    ['[[:alpha:]_-]+[0-9]', ['a_b-9'], ['9', 'a!9']],
    ['[^a-c]x', ['dx', ']x'], ['ax', 'x']],
    ['[]a]+', [']', 'a]'], ['b']],
    ['[a-]', ['a', '-'], ['b']],
    ['^a$', ['a'], ['ba', 'aa']],
    ['(^a|b)c$', ['ac', 'bc'], ['c']],
    ['\\.\\*\\\\', ['.*\\'], ['aa']],
  ])('%s', (pattern, accepted, refused) => {
    for (const text of accepted) expect(matches(pattern, text), text).toBe(true);
    for (const text of refused) expect(matches(pattern, text), text).toBe(false);
  });

  it('refuses what POSIX does not define, so that nobody takes it for a JavaScript expression', () => {
    for (const pattern of [
      '\\d+',
      '\\w',
      '(?=a)',
      'a**',
      '*a',
      '+',
      'a)',
      '(a',
      '[a',
      '[z-a]',
      '[[:nope:]]',
      '[[.a.]]',
      'a{3,2}',
      'a{999}',
      'a||b',
      '',
      '()',
      'a{x}',
      '^*',
    ])
      expect(compilePattern(pattern), pattern).toBeUndefined();
  });

  it('needs time linear in the text for expressions that make backtracking engines hang', () => {
    for (const pattern of ['(a*)*b', '(a|aa)+b', '(a+)+$', '(.*)(.*)(.*)(.*)(.*)x'])
      expect(matches(pattern, 'a'.repeat(5000)), pattern).toBe(pattern === '(a+)+$');
  });

  it('refuses expressions that would grow without bound', () => {
    expect(compilePattern('(((((a{255}){255}){255}){255}){255})')).toBeUndefined();
    expect(compilePattern('(((((a{0}){255}){255}){255}){255})')).toBeUndefined();
    expect(compilePattern('a'.repeat(513))).toBeUndefined();
    expect(compilePattern(`${'('.repeat(200)}a${')'.repeat(200)}`)).toBeUndefined();
  });

  it('agrees with the engine of the language on simple expressions', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(ab)');
    const piece = fc.tuple(atom, fc.constantFrom('', '*', '+', '?', '{1,2}')).map(([a, q]) => a + q);
    const pattern = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(pattern, fc.stringMatching(/^[abc]{0,6}$/), (expression, text) => {
        expect(matches(expression, text)).toBe(new RegExp(`^(?:${expression})$`).test(text));
      }),
      { numRuns: 500 },
    );
  });
});

describe('domain restriction', () => {
  it('admits every domain when the element is absent', () => {
    expect(createUserNameFilter(undefined, 'home.example')('bob@elsewhere.example')).toBe(true);
  });

  it('admits only the overlay itself when it is not enabled, patterns or not', () => {
    const filter = createUserNameFilter({ enable: false, patterns: ['.*'] }, 'home.example');
    expect(filter('bob@home.example')).toBe(true);
    expect(filter('bob@HOME.example')).toBe(true);
    expect(filter('bob@elsewhere.example')).toBe(false);
  });

  it('admits what a pattern matches when it is enabled, and nothing without patterns', () => {
    const filter = createUserNameFilter(
      { enable: true, patterns: ['Home\\.example', '.*\\.my\\.example'] },
      'x.example',
    );
    expect(filter('bob@home.example')).toBe(true);
    expect(filter('bob@a.my.example')).toBe(true);
    expect(filter('bob@x.example')).toBe(false);
    expect(filter('home.example')).toBe(false);
    expect(createUserNameFilter({ enable: true, patterns: [] }, 'x.example')('bob@x.example')).toBe(false);
  });
});
