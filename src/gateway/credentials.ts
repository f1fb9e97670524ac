import {
  adviceFor,
  CredentialKeeper,
  type CredentialKeeperDeps,
  type CredentialReport,
} from '#gateway/credential-keeper.ts';
import type { EventHub } from '#gateway/events.ts';
import { ownMember } from '#gateway/members.ts';
import { type Clock, delay } from '#platform/clock.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { StoredMember } from '#reload/enrollment/identity-directory.ts';
import { ageOf } from '#reload/enrollment/renewal-plan.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { CertificatePublisher } from '#reload/usages/certificate/certificate-publisher.ts';

export interface CredentialsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly events: EventHub;
}

/** Between two looks at clock and folder while there is nothing to go on with. */
const WAIT_MS = 1000;

/** The certificates of this process's nodes: its own and those of hosted phones. */
export class Credentials {
  readonly #deps: CredentialsDeps;
  readonly #keepers = new Map<string, CredentialKeeper>();
  readonly #publishers: CertificatePublisher[] = [];
  readonly #stopping = new AbortController();
  /** The own certificate while it can't be used yet, or no more. */
  #waiting: CredentialReport | undefined;

  constructor(deps: CredentialsDeps) {
    this.#deps = deps;
  }

  get reports(): readonly CredentialReport[] {
    if (this.#waiting !== undefined) return [this.#waiting];
    return Array.from(this.#keepers.values(), ({ report }) => report);
  }

  /**
   * This node's own identity, as soon as its certificate is valid by this machine's clock. A Raspberry Pi has no clock of its own until
   * the network gives it one, and a wrong date in the future makes everything look ended: neither is a reason to give up. Rejects when
   * there is no identity, or a wrong one, and when `stop` is called.
   */
  async ownMember(directory: string, overlayName: string | undefined): Promise<StoredMember> {
    const { clock, log } = this.#deps;
    for (;;) {
      const member = await ownMember(directory, overlayName);
      const report = reportOf(member, clock.now());
      if (report.state !== 'not-yet-valid' && report.state !== 'expired') {
        this.#waiting = undefined;
        return member;
      }
      if (this.#waiting?.state !== report.state || this.#waiting.notAfter !== report.notAfter) {
        log.warn(adviceFor(report, directory), { clock: new Date(clock.now()).toISOString() });
        this.#tell(report);
      }
      this.#waiting = report;
      await delay(clock, WAIT_MS, this.#stopping.signal);
    }
  }

  /** Keeps the certificate of a node valid from now on, and in the overlay for all to find (RFC 6940 §8). */
  keep(
    node: ReloadNode,
    opened: OpenedNode,
    { directory, enrollAnew }: { readonly directory: string } & Pick<CredentialKeeperDeps, 'enrollAnew'>,
  ): void {
    const { clock, random, log } = this.#deps;
    const publisher = new CertificatePublisher({
      clock,
      log,
      records: node.records,
      namesAreFree: opened.configuration.current.enrollmentServers.length === 0,
      get certificate() {
        return node.identity.certificate;
      },
    });
    let published = '';
    const tell = (report: CredentialReport) => {
      this.#tell(report);
      const { fingerprint } = node.identity.certificate;
      if (fingerprint !== published) void publisher.start();
      published = fingerprint;
    };
    const again = enrollAnew === undefined ? {} : { enrollAnew };
    const keeper = new CredentialKeeper(node, { clock, random, log, opened, tell, ...again }, { directory });
    this.#keepers.set(directory, keeper);
    this.#publishers.push(publisher);
    keeper.start();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await Promise.all(Array.from(this.#keepers.values(), (keeper) => keeper.stop()));
    await Promise.all(this.#publishers.map((publisher) => publisher.stop()));
  }

  #tell({ user, state, notAfter, reason }: CredentialReport): void {
    this.#deps.events.emit({ event: 'credentials', user: printable(user), state, notAfter, reason });
  }
}

function reportOf({ identities, userName }: StoredMember, now: number): CredentialReport {
  const dates = identities[0]?.certificate ?? { notBefore: 0, notAfter: 0 };
  return { user: userName, state: ageOf(dates, now), notAfter: dates.notAfter, renewAt: undefined, reason: undefined };
}
