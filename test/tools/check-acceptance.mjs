/** Checks that every row of test/ACCEPTANCE.tsv names tests that exist, ran and passed. Exit status 1 otherwise. */
import { readFileSync } from 'node:fs';
import { readAssertions } from './reports.mjs';

/** Two tests of one title count as passed when both did. */
const passed = new Map();
for (const { title, status } of readAssertions())
  if ((passed.get(title) ?? 'passed') === 'passed') passed.set(title, status);
const rows = readFileSync('test/ACCEPTANCE.tsv', 'utf8').trimEnd().split('\n').slice(1);
let faults = 0;
for (const row of rows) {
  const [section, sentence, tests = ''] = row.split('\t');
  const titles = tests.split(' || ').filter((title) => title !== '');
  if (titles.length === 0) {
    faults += 1;
    console.error(`acceptance: no test shows "${section}: ${sentence}"`);
  }
  for (const title of titles.filter((one) => passed.get(one) !== 'passed')) {
    faults += 1;
    console.error(`acceptance: "${title}" ${passed.has(title) ? `is ${passed.get(title)}` : 'did not run'}`);
  }
}
console.log(`acceptance: ${rows.length} sentences, ${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;
