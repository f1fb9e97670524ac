import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { phoneDirectory } from '#gateway/members.ts';
import type { Clock } from '#platform/clock.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { saveAuthority } from '#reload/enrollment/authority-directory.ts';
import { enrollDirectly } from '#reload/enrollment/direct-enrollment.ts';
import { EnrollmentAuthority } from '#reload/enrollment/enrollment-authority.ts';
import { foundOverlay } from '#reload/enrollment/found-overlay.ts';
import { saveMember } from '#reload/enrollment/identity-directory.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

/** An overlay that this program made for itself, with a gateway and one phone. */
export interface OwnOverlay {
  readonly overlayName: string;
  readonly phone: { readonly user: string; readonly password: string };
}

export interface OwnOverlayDeps {
  readonly clock: Clock;
  readonly random: Random;
}

const OVERLAY_NAME = 'home.example';
const GATEWAY_USER = `gw1@pstn.${OVERLAY_NAME}`;
const PHONE_USER = `alice@${OVERLAY_NAME}`;
/** Without letters and digits that look alike. */
const PASSWORD_ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';
const PASSWORD_LENGTH = 12;

/** Where the accounts of an overlay lie, below its authority's folder. */
export function accountsDirectory(authorityDirectory: string): string {
  return join(authorityDirectory, 'accounts');
}

/** The overlay of an earlier run, if the state directory has one. */
export async function knownOwnOverlay(stateDirectory: string): Promise<OwnOverlay | undefined> {
  const file = passwordFile(stateDirectory);
  const known = await access(file).then(
    () => true,
    () => false,
  );
  if (!known) return undefined;
  const password = (await readFile(file, 'utf8')).trim();
  return { overlayName: OVERLAY_NAME, phone: { user: PHONE_USER, password } };
}

/** Finds the overlay of an earlier run in the state directory, or makes one: trust root, document, the gateway's and the phone's identity. */
export async function ownOverlay(deps: OwnOverlayDeps, stateDirectory: string): Promise<OwnOverlay> {
  const known = await knownOwnOverlay(stateDirectory);
  if (known !== undefined) return known;
  const phonePassword = newPassword(deps.random);
  const directory = join(stateDirectory, 'overlay');
  const founded = await foundOverlay(deps, { name: OVERLAY_NAME });
  await saveAuthority(directory, founded, { clock: deps.clock, hosts: ['127.0.0.1'], validityDays: 3650 });
  const store = await openLmdbStore(accountsDirectory(directory));
  try {
    const accounts = new Accounts({ store: store.namespace(ACCOUNTS_NAMESPACE), random: deps.random });
    const authority = new EnrollmentAuthority(
      { clock: deps.clock, accounts, issuer: founded.root, configuration: { current: founded.configuration } },
      { overlayName: OVERLAY_NAME, validityDays: 3650 },
    );
    const members = [
      { userName: GATEWAY_USER, password: newPassword(deps.random), at: join(stateDirectory, 'identity') },
      { userName: PHONE_USER, password: phonePassword, at: phoneDirectory(stateDirectory, PHONE_USER) },
    ];
    for (const { userName, password, at } of members) {
      await accounts.add({ account: userName, password });
      const { document, root } = founded;
      await saveMember(at, await enrollDirectly(authority, { userName, password, document, root: root.certificate }));
    }
  } finally {
    await store.close();
  }
  // Comes last: where it is, the rest is.
  await writeFile(passwordFile(stateDirectory), `${phonePassword}\n`, { mode: 0o600 });
  return { overlayName: OVERLAY_NAME, phone: { user: PHONE_USER, password: phonePassword } };
}

function passwordFile(stateDirectory: string): string {
  return join(stateDirectory, 'phone-password');
}

function newPassword(random: Random): string {
  return Array.from(
    { length: PASSWORD_LENGTH },
    () => PASSWORD_ALPHABET[randomBelow(random, PASSWORD_ALPHABET.length)],
  ).join('');
}
