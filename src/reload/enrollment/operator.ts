import { equalBytes } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import type { Accounts } from '#reload/enrollment/accounts.ts';
import { saveIssuer, saveServer } from '#reload/enrollment/authority-directory.ts';
import { issuerFingerprint } from '#reload/enrollment/enrollment-authority.ts';
import { makeRoot, makeSigner, signDocument, validityFrom } from '#reload/enrollment/found-overlay.ts';
import {
  deleteFormerRoot,
  loadOperatorFiles,
  type OperatorFiles,
  replaceSigner,
  saveDocument,
  saveFormerRoot,
  serverHosts,
} from '#reload/enrollment/operator-directory.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { CurrentConfiguration, nextSequence } from '#reload/overlay-config/current-configuration.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { acceptNextConfiguration } from '#reload/security/configuration-signature.ts';
import type { Identity } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** Why an operator's command changes nothing. */
interface OperatorFault {
  readonly code: 'unknown-root' | 'last-root' | 'root-in-use' | 'no-account' | 'no-change' | 'changed-meanwhile';
}

export interface OperatorDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly accounts: Accounts;
}

/** Members keep at most so many roots to check chains by. */
const MAX_ROOTS = 4;
const VALIDITY_DAYS = 3650;

/** What an operator does to an overlay that exists: each change is a new signed document, one in sequence after the last. */
export class OverlayOperator {
  readonly #deps: OperatorDeps;
  readonly #directory: string;

  constructor(deps: OperatorDeps, options: { readonly directory: string }) {
    this.#deps = deps;
    this.#directory = options.directory;
  }

  /** Changes settings of the document. Resolves with the new document; rejects with `Failure<OperatorFault | ConfigurationFault>`. */
  async update(changes: Partial<OverlayConfiguration>): Promise<Uint8Array> {
    const files = await loadOperatorFiles(this.#directory);
    return this.#publish(files, changes);
  }

  /** Lists nodes as bad, or takes them off the list (RFC 6940 §11.1). */
  async banNodes(nodeIds: readonly NodeId[], remove: boolean): Promise<Uint8Array> {
    const files = await loadOperatorFiles(this.#directory);
    const { badNodes } = files.configuration.current;
    const others = badNodes.filter((nodeId) => !nodeIds.includes(nodeId));
    const changed = remove ? others : [...badNodes, ...nodeIds.filter((nodeId) => !badNodes.includes(nodeId))];
    if (changed.length === badNodes.length)
      throw operatorFailure('no-change', remove ? 'None of these nodes is banned.' : 'All of these nodes are banned.');
    return this.#publish(files, { badNodes: changed });
  }

  /** Shuts a user's account, so that it gets no certificate, and lists its Node-IDs as bad. Undefined when no Node-ID was given out. */
  async banUser(user: string, remove: boolean): Promise<Uint8Array | undefined> {
    const { nodeIds } = await this.#deps.accounts.setBanned(canonicalUserName(user) ?? user, !remove);
    if (nodeIds.length === 0) return undefined;
    try {
      return await this.banNodes(nodeIds, remove);
    } catch (thrown) {
      // The account was what had to be changed.
      if (thrown instanceof Failure && thrown.code === 'no-change') return undefined;
      throw thrown;
    }
  }

  /** Makes a root that issues from now on. The roots before stay trusted until they are removed. */
  async addRoot(): Promise<{ readonly document: Uint8Array; readonly fingerprint: string }> {
    const files = await loadOperatorFiles(this.#directory);
    const { current } = files.configuration;
    if (current.rootCerts.length >= MAX_ROOTS)
      throw operatorFailure('no-change', `There are ${MAX_ROOTS} roots. Remove one first.`);
    const root = await makeRoot(`${current.instanceName} root`, validityFrom(this.#deps.clock, VALIDITY_DAYS));
    const document = this.#sign(files, { rootCerts: [...current.rootCerts, root.certificate] });
    await saveFormerRoot(this.#directory, files.issuer);
    // The document goes first: members have to know a root before they meet its certificates.
    await this.#save(files, document);
    await saveIssuer(this.#directory, root);
    return { document, fingerprint: issuerFingerprint(root) };
  }

  /**
   * Takes a root off the document: certificates of it count no more. Refuses while members depend on it, unless `force` says so, and in
   * any case while the overlay's own signer does.
   */
  async removeRoot(fingerprint: string, force: boolean): Promise<Uint8Array> {
    const files = await loadOperatorFiles(this.#directory);
    const { current } = files.configuration;
    const matches = current.rootCerts.filter((certificate) =>
      issuerFingerprint({ certificate }).startsWith(fingerprint),
    );
    const [certificate] = matches;
    if (certificate === undefined || matches.length > 1)
      throw operatorFailure('unknown-root', `No root, or more than one, has the fingerprint ${fingerprint}.`);
    if (equalBytes(certificate, files.issuer.certificate))
      throw operatorFailure(
        'last-root',
        'This root issues the certificates. Make another one first (overlay add-root).',
      );
    const whole = issuerFingerprint({ certificate });
    const rootCerts = current.rootCerts.filter((other) => other !== certificate);
    this.#requireUnused(files, { rootCerts, whole, force });
    const { clock } = this.#deps;
    await saveServer(this.#directory, files.issuer, { clock, hosts: serverHosts(files), validityDays: VALIDITY_DAYS });
    const gone = files.retiredSigners.filter((one) => !this.#chains(one, files, rootCerts));
    const configurationSigners = without(current.configurationSigners, gone);
    const document = await this.#publish(files, { rootCerts, configurationSigners });
    await deleteFormerRoot(this.#directory, whole);
    return document;
  }

  /**
   * A new signer of configurations and Kinds, under the root that issues now. The document that names it is signed by the one before as
   * well, and so are the next ones, for members that miss it.
   */
  async renewSigner(): Promise<Uint8Array> {
    const files = await loadOperatorFiles(this.#directory);
    const { clock, random } = this.#deps;
    const { current } = files.configuration;
    const validity = validityFrom(clock, VALIDITY_DAYS);
    const signer = await makeSigner(files.issuer, current.instanceName, { random, validity });
    const earlier = [files.signer, ...files.retiredSigners];
    // Invitations name the old root until it is removed: only a signer below it can vouch for the document to new members.
    const stay = earlier.filter((one) => !this.#chains(one, files, [files.issuer.certificate]));
    const gone = earlier.filter((one) => !stay.includes(one));
    const changes = {
      configurationSigners: [...without(current.configurationSigners, gone), signer.nodeId],
      kindSigners: [...without(current.kindSigners, earlier), signer.nodeId],
    };
    const cosigned = { ...files, signer, retiredSigners: [files.signer, ...files.retiredSigners] };
    const document = this.#sign(cosigned, changes);
    await replaceSigner(this.#directory, files, { signer, document });
    await this.#save(files, document);
    return document;
  }

  async #publish(files: OperatorFiles, changes: Partial<OverlayConfiguration>): Promise<Uint8Array> {
    const document = this.#sign(files, changes);
    await this.#save(files, document);
    return document;
  }

  /** Prints, signs and checks the next document as members will: what they would refuse is not put in force here either. */
  #sign(files: OperatorFiles, changes: Partial<OverlayConfiguration>): Uint8Array {
    const { configuration, signer, retiredSigners } = files;
    const { current } = configuration;
    const next = { ...current, ...changes, sequence: nextSequence(current.sequence) };
    const document = signDocument(next, signer, stillValid(retiredSigners, this.#deps.clock.now()));
    const { clock } = this.#deps;
    const verifier = new CertificateVerifier({ clock, configuration });
    acceptNextConfiguration(document, { configuration: current, verifier, clock });
    return document;
  }

  /** Whether a signer's certificate comes from one of `rootCerts`. */
  #chains(
    { certificate, chain }: Identity,
    { configuration }: OperatorFiles,
    rootCerts: readonly Uint8Array[],
  ): boolean {
    const limited = new CurrentConfiguration({
      configuration: { ...configuration.current, rootCerts },
      document: configuration.bytes,
    });
    try {
      new CertificateVerifier({ clock: this.#deps.clock, configuration: limited }).checkCertificate(
        certificate.der,
        chain,
      );
      return true;
    } catch {
      return false;
    }
  }

  /** Another command may have been at work meanwhile: its document must not be lost. */
  async #save(files: OperatorFiles, document: Uint8Array): Promise<void> {
    const { configuration } = await loadOperatorFiles(this.#directory);
    if (!equalBytes(configuration.bytes, files.configuration.bytes))
      throw operatorFailure('changed-meanwhile', 'Another command changed the overlay meanwhile. Try again.');
    await saveDocument(this.#directory, document);
  }

  #requireUnused(
    files: OperatorFiles,
    {
      rootCerts,
      whole,
      force,
    }: { readonly rootCerts: readonly Uint8Array[]; readonly whole: string; readonly force: boolean },
  ): void {
    const { clock, accounts } = this.#deps;
    if (!this.#chains(files.signer, files, rootCerts))
      throw operatorFailure(
        'root-in-use',
        'The signer of configurations has its certificate from this root. Renew it first (overlay renew-signer).',
      );
    const users = accounts.issuedBy(whole, clock.now());
    if (users.length === 0 || force) return;
    const renewed = accounts.issuedBy(issuerFingerprint(files.issuer), clock.now());
    const waiting = users.filter((user) => !renewed.includes(user));
    throw operatorFailure(
      'root-in-use',
      `${users.length} users have certificates of this root that have not ended; ${waiting.length} of them have none of the new root yet${waiting.length === 0 ? '' : ` (${waiting.slice(0, 5).join(', ')})`}. --force removes it all the same and shuts those out.`,
    );
  }
}

function without(ids: readonly NodeId[], gone: readonly Identity[]): readonly NodeId[] {
  return ids.filter((id) => gone.every(({ nodeId }) => nodeId !== id));
}

function stillValid(signers: readonly Identity[], now: number): readonly Identity[] {
  return signers.filter(({ certificate }) => certificate.notAfter > now);
}

function operatorFailure(code: OperatorFault['code'], message: string, cause?: unknown): Failure<OperatorFault> {
  return new Failure<OperatorFault>({ code }, message, cause);
}
