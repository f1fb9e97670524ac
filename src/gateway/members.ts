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

interface NotEnrolledFault {
  readonly code: 'not-enrolled' | 'other-overlay' | 'clock' | 'expired';
}

/** This node's own identity. Rejects with what to do when there is none. */
export async function ownMember(
  clock: Clock,
  directory: string,
  overlayName: string | undefined,
): Promise<StoredMember> {
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
  checkDates(clock, member);
  return member;
}

/** A Pi has no battery clock: before it is set, every certificate seems to come from the future. */
function checkDates(clock: Clock, { identities, userName }: StoredMember): void {
  const { notBefore, notAfter } = identities[0]?.certificate ?? { notBefore: 0, notAfter: 0 };
  const now = clock.now();
  const date = (ms: number) => new Date(ms).toISOString();
  if (now < notBefore) {
    throw new Failure<NotEnrolledFault>(
      { code: 'clock' },
      `it is ${date(now)} by this machine's clock, before the certificate of ${userName} was issued; set the clock`,
    );
  }
  if (now > notAfter) {
    throw new Failure<NotEnrolledFault>(
      { code: 'expired' },
      `the certificate of ${userName} ended at ${date(notAfter)}; enroll again`,
    );
  }
}

/** Where the identity of a phone's user lies. */
export function phoneDirectory(stateDirectory: string, user: string): string {
  return join(stateDirectory, 'phones', user);
}

/** The identity of a phone's user: the stored one, else it is obtained from the overlay's enrollment server with the user's password. */
export async function phoneMember(
  deps: MemberDeps,
  directory: string,
  account: { readonly user: string; readonly password: string; readonly overlay: OpenedNode['configuration'] },
): Promise<StoredMember> {
  if (await exists(directory)) return loadMember(directory);
  const { current } = account.overlay;
  const [server] = current.enrollmentServers;
  const [root] = current.rootCerts;
  if (server === undefined || root === undefined) {
    throw new Failure<NotEnrolledFault>(
      { code: 'not-enrolled' },
      `${account.user} has no certificate, and the overlay names no enrollment server; put one into ${directory}`,
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
  return loadMember(directory);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
