import { type ControlDeps, type ControlOptions, stateOf } from '#cli/control.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import type { ListEntry } from '#gateway/screening/caller-lists.ts';
import type { Verdict } from '#gateway/screening/screening.ts';
import type { ScreeningReport } from '#gateway/screening/screening-commands.ts';
import { printable } from '#platform/log.ts';

export type ScreeningOptions = ControlOptions;

/** `copperring screening list`. */
export async function listCallers(deps: ControlDeps, options: ScreeningOptions): Promise<void> {
  const report = (await ask(deps, options, { action: 'list' })) as ScreeningReport;
  if (options.json) return deps.print(JSON.stringify(report));
  for (const list of ['allow', 'block'] as const) {
    deps.print(`${list}: ${report[list].length} ${report[list].length === 1 ? 'entry' : 'entries'}`);
    for (const entry of report[list]) deps.print(`  ${describe(entry)}`);
  }
  if (report.passed > 0) deps.print(`${report.passed} numbers passed the challenge`);
}

/** `copperring screening block|unblock|allow|unallow`. */
export async function changeCaller(
  deps: ControlDeps,
  change: {
    readonly action: 'add' | 'remove';
    readonly list: 'allow' | 'block';
    readonly caller: string;
    readonly note: string | undefined;
  },
  options: ScreeningOptions,
): Promise<void> {
  const answer = (await ask(deps, options, change)) as { readonly pattern: string; readonly removed?: boolean };
  if (options.json) return deps.print(JSON.stringify(answer));
  const { pattern, removed } = answer;
  if (removed === undefined) deps.print(`${printable(pattern)} is on the ${change.list} list`);
  else if (removed) deps.print(`${printable(pattern)} is off the ${change.list} list`);
  else deps.print(`${printable(pattern)} was not on the ${change.list} list`);
}

/** `copperring screening test`. */
export async function testCaller(
  deps: ControlDeps,
  caller: string,
  options: ScreeningOptions & { readonly name?: string; readonly line?: string },
): Promise<void> {
  const { name, line } = options;
  const verdict = (await ask(deps, options, { action: 'test', caller, name, line })) as Verdict;
  deps.print(options.json ? JSON.stringify(verdict) : `${verdict.action}: ${printable(verdict.why)}`);
}

/** `copperring screening forget-passed`. */
export async function forgetPassed(deps: ControlDeps, options: ScreeningOptions): Promise<void> {
  const answer = (await ask(deps, options, { action: 'forget-passed' })) as { readonly forgotten: number };
  deps.print(options.json ? JSON.stringify(answer) : `${answer.forgotten} numbers forgotten`);
}

function describe({ pattern, source, addedAt, note }: ListEntry): string {
  const origin = source === 'file' ? 'configuration' : new Date(addedAt ?? 0).toISOString();
  return `${printable(pattern)}  ${origin}${note === undefined ? '' : `  ${printable(note)}`}`;
}

async function ask(deps: ControlDeps, options: ControlOptions, request: object): Promise<unknown> {
  return controlRequest(controlPath(await stateOf(deps, options)), { command: 'screening', ...request });
}
