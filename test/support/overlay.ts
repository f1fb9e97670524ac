import type { Clock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { type FoundedOverlay, foundOverlay, validityFrom } from '#reload/enrollment/found-overlay.ts';
import { generatePrivateKey, type KeyType, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { randomNodeIds } from '#reload/enrollment/node-ids.ts';
import { writeMemberCertificate } from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Identity } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** 2026-06-01T00:00:00Z: a moment for virtual clocks. */
export const TEST_EPOCH = Date.UTC(2026, 5, 1);

/** A clock that stands still until told otherwise; `after` never fires. */
export function fixedClock(now = TEST_EPOCH): Clock & { time: number } {
  return {
    time: now,
    now() {
      return this.time;
    },
    after: () => ({ cancel: () => {} }),
  };
}

export interface TestOverlay extends FoundedOverlay {
  readonly name: string;
  /** The document in force, shared by all nodes of a test; `replace` stands for a ConfigUpdate. */
  readonly source: CurrentConfiguration;
  readonly clock: Clock;
  /** A new member `user@overlay` (or a full name with `@`), under its own key. */
  identity(user: string, options?: IdentityOptions): Promise<Identity>;
  /** One Identity per Node-ID of a certificate that holds several. */
  identities(user: string, nodeIds: readonly NodeId[]): Promise<readonly Identity[]>;
  /** `count` members user0@overlay, user1@overlay... */
  members(count: number): Promise<readonly Identity[]>;
  verifier(): CertificateVerifier;
}

interface IdentityOptions {
  readonly nodeId?: NodeId;
  readonly keyType?: KeyType;
  readonly validityDays?: number;
}

export interface TestOverlayOptions {
  readonly name?: string;
  /** Decides the validity of certificates and the verifiers' time; stands at TEST_EPOCH by default. */
  readonly clock?: Clock;
  readonly configuration?: Omit<Partial<OverlayConfiguration>, 'instanceName' | 'rootCerts'>;
}

/** Makes a whole overlay in memory: root, signed configuration document, and identities on demand. About 3 ms an identity. */
export async function createTestOverlay(options: TestOverlayOptions = {}): Promise<TestOverlay> {
  const clock = options.clock ?? fixedClock();
  const name = options.name ?? 'home.example';
  const founded = await foundOverlay(
    { clock, random: systemRandom },
    { name, ...(options.configuration === undefined ? {} : { choices: options.configuration }) },
  );
  const source = new CurrentConfiguration(readDocument(founded.document, name));

  async function issue(user: string, nodeIds: readonly NodeId[], keyType: KeyType, days: number) {
    const privateKey = await generatePrivateKey(keyType);
    const userName = user.includes('@') ? user : `${user}@${name}`;
    const names = { overlayName: name, userName, nodeIds };
    const der = await writeMemberCertificate(
      names,
      publicKeyInfoOf(privateKey),
      founded.root,
      validityFrom(clock, days),
    );
    const certificate = readCertificate(der);
    return nodeIds.map((nodeId): Identity => ({ nodeId, certificate, chain: [], privateKey }));
  }

  async function identity(user: string, { nodeId, keyType, validityDays }: IdentityOptions = {}): Promise<Identity> {
    const nodeIds = nodeId === undefined ? randomNodeIds(systemRandom, 1) : [nodeId];
    const [only] = await issue(user, nodeIds, keyType ?? 'p-256', validityDays ?? 365);
    return only!;
  }

  return {
    ...founded,
    name,
    source,
    clock,
    identity,
    identities: (user, nodeIds) => issue(user, nodeIds, 'p-256', 365),
    members: (count) => Promise.all(Array.from({ length: count }, (_, i) => identity(`user${i}`))),
    verifier: () => new CertificateVerifier({ clock, configuration: source }),
  };
}
