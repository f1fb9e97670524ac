import { type SchemaProblem, schemaProblems } from '#platform/schema-problems.ts';
import { type ModemProfile, profileSchemas } from '#pstn/modem/profiles/schema.ts';

const MAX_PROBLEMS = 50;

/** Checks what stood in a file: the profile with all defaults, or every problem in it. */
export function checkProfile(
  tree: unknown,
): { readonly profile: ModemProfile } | { readonly problems: readonly SchemaProblem[] } {
  const schema = isCellular(tree) ? profileSchemas.cellular : profileSchemas.voice;
  const parsed = schema.safeParse(tree, { reportInput: false });
  if (parsed.success) return { profile: parsed.data };
  const problems = parsed.error.issues.flatMap((issue) => schemaProblems(issue, 'profile'));
  return { problems: problems.slice(0, MAX_PROBLEMS) };
}

/** One schema is applied, not both: what it finds wrong is then about the profile that was meant. */
function isCellular(tree: unknown): boolean {
  return typeof tree === 'object' && tree !== null && 'kind' in tree && tree.kind === 'cellular';
}
