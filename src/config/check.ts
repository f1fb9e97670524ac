import { lineProblems, listLines } from '#config/line-list.ts';
import { pinProblems } from '#config/pins.ts';
import type { ConfigProblem } from '#config/problem.ts';
import { type Config, configSchema } from '#config/schema.ts';
import { schemaProblems } from '#platform/schema-problems.ts';

const MAX_PROBLEMS = 100;

/** Checks a configuration tree; gives either the configuration with all defaults or every problem in it. */
export function checkConfig(
  tree: unknown,
): { readonly config: Config } | { readonly problems: readonly ConfigProblem[] } {
  const forms = listLines(tree);
  const parsed = configSchema.safeParse(forms.tree, { reportInput: false });
  const told = ({ path, advice }: ConfigProblem) => ({
    path: forms.isSingle ? path.replace(/^line\[0\]/, 'line') : path,
    advice,
  });
  if (!parsed.success) {
    const problems = parsed.error.issues
      .flatMap((issue) => schemaProblems(issue, 'configuration'))
      .slice(0, MAX_PROBLEMS);
    return { problems: problems.map(told) };
  }
  const { line: lines, ...rest } = parsed.data;
  const config = { ...rest, lines };
  const problems = contradictions(config);
  return problems.length > 0 ? { problems: problems.map(told) } : { config };
}

/** What no single setting shows. */
function contradictions(config: Config): ConfigProblem[] {
  const { roles, lines, phones } = config;
  const problems: ConfigProblem[] = [];
  const say = (path: string, advice: string) => problems.push({ path, advice });
  if (roles.includes('peer') && roles.includes('client')) say('roles', 'a node is either "peer" or "client", not both');
  if (roles.includes('gateway') && lines.length === 0)
    say('line', 'the role "gateway" needs a [line] with a device or emulated = true');
  problems.push(...lineProblems(lines));
  if (phones.length > 0 && !roles.includes('proxy')) say('phones', 'phones need the role "proxy"');
  if (roles.includes('enrollment') && config.enrollment.directory === undefined) {
    say('enrollment.directory', 'name the folder that `copperring overlay create` made');
  }
  // RFC 7890 §4: a bootstrap peer takes newcomers, and a client takes nobody.
  if (roles.includes('bootstrap') && roles.includes('client')) say('roles', 'a bootstrap node is a peer, not a client');
  problems.push(...mailboxProblems(config), ...pinProblems(config));
  const seen = new Set<string>();
  phones.forEach(({ user }, i) => {
    if (seen.has(user)) say(`phones[${i}].user`, 'this user is listed twice');
    seen.add(user);
  });
  return problems;
}

function mailboxProblems({ voice_mail: { mailbox } }: Config): ConfigProblem[] {
  return mailbox.flatMap(({ user, pin, pin_file: file }, i): ConfigProblem[] => {
    const path = `voice_mail.mailbox[${i}]`;
    const isKnown = mailbox.findIndex((other) => other.user === user) < i;
    return [
      ...(isKnown ? [{ path: `${path}.user`, advice: 'this user has a mailbox already' }] : []),
      ...(pin !== undefined && file !== undefined
        ? [{ path: `${path}.pin`, advice: 'give the PIN here or in a file, not both' }]
        : []),
    ];
  });
}
