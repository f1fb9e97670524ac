/**
 * Checks that every row of test/ACCEPTANCE.tsv names tests that exist, ran and passed. Exit status 1 otherwise.
 * `{*}` in a title stands for any text, as in tests made from a table: all of them count. `{*30}`: at least 30 of them.
 */
import { readFileSync } from 'node:fs';
import { readAssertions } from './reports.mjs';

/** Two tests of one title count as passed when both did. */
const passed = new Map();
for (const { title, status } of readAssertions())
  if ((passed.get(title) ?? 'passed') === 'passed') passed.set(title, status);

/** What is wrong with a title, undefined when nothing is. */
function faultOf(title) {
  const [mark, least = ''] = /\{\*(\d*)\}/.exec(title) ?? [];
  if (mark === undefined) {
    if (passed.get(title) === 'passed') return undefined;
    return passed.has(title) ? `is ${passed.get(title)}` : 'did not run';
  }
  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const pattern = new RegExp(
    `^${title
      .split(/\{\*\d*\}/)
      .map(literal)
      .join('.*')}$`,
  );
  const meant = [...passed].filter(([one]) => pattern.test(one));
  if (meant.length < Math.max(1, Number(least))) return `ran ${meant.length} times`;
  const [bad] = meant.filter(([, status]) => status !== 'passed');
  return bad && `has "${bad[0]}", which is ${bad[1]}`;
}

const rows = readFileSync('test/ACCEPTANCE.tsv', 'utf8').trimEnd().split('\n').slice(1);
let faults = 0;
for (const row of rows) {
  const [section, sentence, tests = ''] = row.split('\t');
  const titles = tests.split(' || ').filter((title) => title !== '');
  if (titles.length === 0) {
    faults += 1;
    console.error(`acceptance: no test shows "${section}: ${sentence}"`);
  }
  for (const title of titles) {
    const fault = faultOf(title);
    if (fault === undefined) continue;
    faults += 1;
    console.error(`acceptance: "${title}" ${fault}`);
  }
}
console.log(`acceptance: ${rows.length} sentences, ${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;
