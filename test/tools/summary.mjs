/** Sums all suites' reports into the one plain line that ends a CI run. Arguments: names of further steps that failed. */
import { readAssertions } from './reports.mjs';

const steps = process.argv.slice(2);
const assertions = readAssertions();
const count = (...states) => assertions.filter(({ status }) => states.includes(status)).length;
for (const { title } of assertions.filter(({ status }) => status === 'failed')) console.error(`failed: ${title}`);
for (const step of steps) console.error(`failed step: ${step}`);
const failed = count('failed') + steps.length;
console.log(`${count('passed')} passed, ${failed} failed, ${count('pending', 'skipped', 'todo', 'disabled')} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
