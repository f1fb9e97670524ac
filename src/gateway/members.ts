import { resolveSrv } from 'node:dns/promises';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { enroll } from '#reload/enrollment/enroll.ts';
import { CONFIGURATION_PATH } from '#reload/enrollment/enrollment-server.ts';
import { loadMember, type StoredMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';

export interface MemberDeps {
  readonly clock: Clock;
  readonly random: Random;
}

/** A phone's certificate that ends sooner than this is renewed, in milliseconds. */
const RENEW_BEFORE_MS = 24 * 3_600_000;

interface NotEnrolledFault {
  readonly code: 'not-enrolled' | 'other-overlay';
}

/** This node's own identity, whatever its dates. Rejects with what to do when there is none. */
export async function ownMember(directory: string, overlayName: string | undefined): Promise<StoredMember> {
  if (!(await exists(directory))) {
    throw new Failure<NotEnrolledFault>(
      { code: 'not-enrolled' },
      `there is no identity in ${directory}; obtain one by \`copperring enroll\`, with the invitation of the overlay's operator`,
    );
  }
  const member = await loadMember(directory);
  if (overlayName !== undefined && member.overlayName !== overlayName) {
    throw new Failure<NotEnrolledFault>(
      { code: 'other-overlay' },
      `the identity in ${directory} belongs to ${member.overlayName}; overlay.name wants ${overlayName}`,
    );
  }
  return member;
}

/** Where the identity of a phone's user lies. */
export function phoneDirectory(stateDirectory: string, user: string): string {
  return join(stateDirectory, 'phones', user);
}

interface PhoneAccount {
  readonly user: string;
  readonly password: string;
  readonly overlay: OpenedNode['configuration'];
}

/**
 * The identity of a phone's user: the stored one as long as its certificate lasts, else it is obtained from the overlay's
 * enrollment server with the user's password. The server gives an account the same Node-IDs again.
 */
export async function phoneMember(deps: MemberDeps, directory: string, account: PhoneAccount): Promise<StoredMember> {
  const stored = (await exists(directory)) ? await loadMember(directory) : undefined;
  const now = deps.clock.now();
  const notAfter = stored?.identities[0]?.certificate.notAfter ?? 0;
  if (stored !== undefined && now < notAfter - RENEW_BEFORE_MS) return stored;
  try {
    await enrollPhone(deps, directory, account);
  } catch (thrown) {
    // What is still valid serves until the server can be reached again.
    if (stored !== undefined && now <= notAfter) return stored;
    throw thrown;
  }
  return loadMember(directory);
}

/** Obtains a phone's identity with the user's password and puts it into the folder. */
export async function enrollPhone(deps: MemberDeps, directory: string, account: PhoneAccount): Promise<void> {
  const { current } = account.overlay;
  const [server] = current.enrollmentServers;
  // While one root takes the place of another, the first is the one that the server's own certificate comes from.
  const [root] = current.rootCerts;
  if (server === undefined || root === undefined) {
    throw new Failure<NotEnrolledFault>(
      { code: 'not-enrolled' },
      `${account.user} has no valid certificate, and the overlay names no enrollment server; put one into ${directory}`,
    );
  }
  const member = await enroll(
    { ...deps, resolveSrv },
    {
      overlayName: current.instanceName,
      url: new URL(CONFIGURATION_PATH, server).href,
      trust: { certificate: root },
      userName: account.user,
      password: account.password,
    },
  ).catch((thrown) => {
    throw new Failure<NotEnrolledFault>(
      { code: 'not-enrolled' },
      `${account.user} cannot be enrolled: ${messageOf(thrown)}`,
      thrown,
    );
  });
  await saveMember(directory, member);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
