import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** All assertions in the runner's JSON reports under test-results/: `{suite, title, status}`. */
export function readAssertions(directory = 'test-results') {
  const assertions = [];
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.json'))) {
    const report = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    for (const suite of report.testResults ?? []) {
      if (suite.status === 'failed' && suite.assertionResults.length === 0) {
        assertions.push({ suite: suite.name, title: `${suite.name} did not load: ${suite.message}`, status: 'failed' });
      }
      for (const one of suite.assertionResults) {
        assertions.push({
          suite: suite.name,
          title: [...one.ancestorTitles, one.title].join(' > '),
          status: one.status,
        });
      }
    }
  }
  return assertions;
}
