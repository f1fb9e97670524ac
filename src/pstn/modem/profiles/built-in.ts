import { data as conexant } from '#modem-profiles/conexant-cx930xx.toml';
import { data as ec25 } from '#modem-profiles/ec25.toml';
import { data as halfDuplex } from '#modem-profiles/generic-half-duplex.toml';
import { data as generic } from '#modem-profiles/generic-v253.toml';
import { data as rockwell } from '#modem-profiles/rockwell.toml';
import { data as sim7600 } from '#modem-profiles/sim7600.toml';
import { data as usr } from '#modem-profiles/usr-5637.toml';
import { checkProfile } from '#pstn/modem/profiles/check.ts';
import type { ModemProfile } from '#pstn/modem/profiles/schema.ts';

/** The profiles that come with the program, from firmware-config/modems. */
export const builtInProfiles: readonly ModemProfile[] = [
  conexant,
  usr,
  rockwell,
  generic,
  halfDuplex,
  sim7600,
  ec25,
].map((tree) => {
  const outcome = checkProfile(tree);
  if ('profile' in outcome) return outcome.profile;
  throw new Error(outcome.problems.map(({ path, advice }) => `${path}: ${advice}`).join('; '));
});
