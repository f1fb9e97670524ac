import { type Clock, delay } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { identityVersion, loadMember, saveIdentity } from '#reload/enrollment/identity-directory.ts';
import { fetchNewerDocument, type Renewed, renewCertificate } from '#reload/enrollment/renew.ts';
import { ageOf, renewalMoment, retryPause } from '#reload/enrollment/renewal-plan.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';

/** How a certificate stands; `failing`: it is valid, and its renewal has failed several times. */
type CredentialState = 'valid' | 'failing' | 'ending' | 'expired' | 'not-yet-valid';

export interface CredentialReport {
  readonly user: string;
  readonly state: CredentialState;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** When it is renewed, or a failed renewal repeated. */
  readonly renewAt: number | undefined;
  /** Why the latest renewal failed. */
  readonly reason: string | undefined;
}

/** What of a node its certificate's keeper works on. */
export type KeptNode = Pick<ReloadNode, 'nodeId' | 'identity' | 'renewIdentity'>;

export interface CredentialKeeperDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This process's member, whose configuration says who renews. */
  readonly opened: {
    readonly node: Pick<ReloadNode, 'adoptConfiguration'>;
    readonly configuration: OpenedNode['configuration'];
  };
  /** Told at each change of state, and of each new certificate. */
  readonly tell: (report: CredentialReport) => void;
  /** How to get a certificate when it can't be renewed by the present one: with a password. None by default. */
  readonly enrollAnew?: () => Promise<void>;
}

export interface CredentialKeeperOptions {
  /** Where the identity lies. */
  readonly directory: string;
  /** How often clock and folder are looked at, in milliseconds. */
  readonly lookMs?: number;
}

/** Looks as often as this, not at the planned moment alone: clocks jump, and a person may renew by hand meanwhile. */
const LOOK_MS = 10_000;
const FAILURES_TO_TELL = 3;

/** Renews the certificate of one node in good time, while the node runs, and says how it stands. */
export class CredentialKeeper {
  readonly #node: KeptNode;
  readonly #deps: CredentialKeeperDeps;
  readonly #options: CredentialKeeperOptions;
  readonly #stopping = new AbortController();
  #renewAt: number;
  #failures = 0;
  #reason: string | undefined;
  #told: string | undefined;
  #version: string | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(node: KeptNode, deps: CredentialKeeperDeps, options: CredentialKeeperOptions) {
    this.#node = node;
    this.#deps = deps;
    this.#options = options;
    this.#renewAt = this.#plan();
  }

  get report(): CredentialReport {
    const { certificate } = this.#node.identity;
    const age = ageOf(certificate, this.#deps.clock.now());
    const state = age === 'valid' && this.#failures >= FAILURES_TO_TELL ? 'failing' : age;
    const { userName, notAfter } = certificate;
    return { user: userName, state, notAfter, renewAt: this.#renewAt, reason: this.#reason };
  }

  start(): void {
    this.#running = this.#keep();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
  }

  /** Until `stop`, whatever one look comes to. */
  async #keep(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#look();
        this.#tell();
      } catch (thrown) {
        log.error('looking after the certificate failed; looking again', { reason: printable(messageOf(thrown)) });
      }
      // Rejects when it is told to stop, and the loop sees that.
      await delay(clock, this.#options.lookMs ?? LOOK_MS, signal).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    await this.#takeFromFolder();
    const { clock, enrollAnew, opened } = this.#deps;
    const now = clock.now();
    const age = ageOf(this.#node.identity.certificate, now);
    // Before the beginning the clock is wrong; after the end only a password helps, where others issue the certificates.
    const tooLate =
      age === 'expired' && enrollAnew === undefined && opened.configuration.current.enrollmentServers.length > 0;
    if (age === 'not-yet-valid' || now < this.#renewAt || tooLate) return;
    try {
      await this.#renew();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  async #renew(): Promise<void> {
    const { clock, random, opened, enrollAnew } = this.#deps;
    const { directory } = this.#options;
    await this.#updateConfiguration();
    let renewed: Renewed;
    try {
      renewed = await renewCertificate(
        { clock, random },
        { identity: this.#node.identity, configuration: opened.configuration },
      );
    } catch (thrown) {
      if (enrollAnew === undefined) throw thrown;
      await enrollAnew();
      await this.#takeFromFolder();
      return;
    }
    await saveIdentity(directory, renewed);
    await this.#takeFromFolder();
  }

  /** The new certificate may come from a root that only a newer document lists. */
  async #updateConfiguration(): Promise<void> {
    const { clock, random, opened, log } = this.#deps;
    const document = await fetchNewerDocument({ clock, random }, opened.configuration);
    if (document === undefined) return;
    try {
      opened.node.adoptConfiguration(document);
    } catch (thrown) {
      log.warn('the newer document of the enrollment server is not taken', { reason: printable(messageOf(thrown)) });
    }
  }

  /** What lies in the folder counts, whoever put it there. */
  async #takeFromFolder(): Promise<void> {
    const { directory } = this.#options;
    const version = await identityVersion(directory);
    if (version === undefined || version === this.#version) return;
    this.#version = version;
    const before = this.#node.identity.certificate;
    try {
      const { identities } = await loadMember(directory);
      const found = identities.find(({ nodeId }) => nodeId === this.#node.nodeId);
      if (found === undefined) throw new Error('it holds another Node-ID; start anew for that');
      if (found.certificate.fingerprint === before.fingerprint) return;
      this.#node.renewIdentity(found);
    } catch (thrown) {
      this.#deps.log.warn('the new identity is not taken', { directory, reason: messageOf(thrown) });
      return;
    }
    const { userName, notAfter } = this.#node.identity.certificate;
    this.#deps.log.info('certificate renewed', { user: userName, until: new Date(notAfter).toISOString() });
    this.#failures = 0;
    this.#reason = undefined;
    this.#renewAt = this.#plan();
  }

  #failed(thrown: unknown): void {
    const { clock, log } = this.#deps;
    const { userName, notAfter } = this.#node.identity.certificate;
    const now = clock.now();
    this.#failures += 1;
    this.#reason = printable(messageOf(thrown));
    this.#renewAt = now + retryPause(this.#failures, Math.max(0, notAfter - now));
    log.warn('certificate not renewed; trying again', {
      user: userName,
      until: new Date(notAfter).toISOString(),
      failures: this.#failures,
      reason: this.#reason,
    });
  }

  #tell(): void {
    const { report } = this;
    const known = `${report.state} ${report.notAfter}`;
    if (known === this.#told) return;
    this.#told = known;
    if (report.state !== 'valid')
      this.#deps.log.warn(adviceFor(report, this.#options.directory), { user: report.user });
    this.#deps.tell(report);
  }

  #plan(): number {
    const [draw = 0] = this.#deps.random.bytes(1);
    return renewalMoment(this.#node.identity.certificate, draw / 255);
  }
}

/** What a person is to do about a state. */
export function adviceFor({ user, state, notAfter }: CredentialReport, directory: string): string {
  const end = new Date(notAfter).toISOString();
  const byHand = `\`copperring enroll --renew --out ${directory}\``;
  switch (state) {
    case 'valid':
      return `the certificate of ${user} is valid until ${end}`;
    case 'failing':
      return `the certificate of ${user} could not be renewed yet; it ends at ${end}. Is the enrollment server reachable? By hand: ${byHand}`;
    case 'ending':
      return `the certificate of ${user} ends soon, at ${end}, and is not renewed. By hand: ${byHand}`;
    case 'expired':
      return `the certificate of ${user} ended at ${end}: the overlay takes nothing from this node. Check the clock; if it is right, enroll again with the password into ${directory}. It is taken from there without a restart`;
    case 'not-yet-valid':
      return `this machine's clock is before the certificate of ${user} was issued. Set the clock; the node goes on by itself`;
  }
}
