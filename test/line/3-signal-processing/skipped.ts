/** Whether a suite is left out because its judge is not installed; says so. In CI nothing is left out, so that it fails. */
export function skipped(suite: string, reason: string | undefined): boolean {
  if (reason === undefined || process.env.CI === 'true') return false;
  console.warn(`${suite}: skipped, ${reason}`);
  return true;
}
