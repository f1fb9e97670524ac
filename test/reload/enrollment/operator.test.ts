import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { loadAuthority, saveAuthority } from '#reload/enrollment/authority-directory.ts';
import { enrollDirectly } from '#reload/enrollment/direct-enrollment.ts';
import { EnrollmentAuthority, issuerFingerprint } from '#reload/enrollment/enrollment-authority.ts';
import { FollowedAuthority } from '#reload/enrollment/followed-authority.ts';
import { foundOverlay } from '#reload/enrollment/found-overlay.ts';
import { certificatesInPem } from '#reload/enrollment/identity-directory.ts';
import { OverlayOperator } from '#reload/enrollment/operator.ts';
import { loadOperatorFiles } from '#reload/enrollment/operator-directory.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { acceptFirstConfiguration, acceptNextConfiguration } from '#reload/security/configuration-signature.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { memoryStore } from '#store/memory-store.ts';
import { fixedClock } from '../../support/overlay.ts';

const NAME = 'home.example';
const USER = 'alice@home.example';
let clock: ReturnType<typeof fixedClock>;
let directory: string;
let accounts: Accounts;
let operator: OverlayOperator;

beforeEach(async () => {
  clock = fixedClock(Date.now());
  directory = await mkdtemp(join(tmpdir(), 'copperring-operator-'));
  accounts = new Accounts({ store: memoryStore().namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
  await accounts.add({ account: USER, password: 'secret' });
  await found();
  operator = new OverlayOperator({ clock, random: systemRandom, accounts }, { directory });
});
afterEach(() => rm(directory, { recursive: true }));

async function found(sequence = 0): Promise<void> {
  const founded = await foundOverlay({ clock, random: systemRandom }, { name: NAME, choices: { sequence } });
  await saveAuthority(directory, founded, { clock, hosts: [NAME, '127.0.0.1'], validityDays: 3650 });
}

const inForce = async () => (await loadAuthority(directory)).configuration;

/** A member that has the document of this moment, and takes others as they come. */
async function member() {
  const configuration = new CurrentConfiguration(readDocument((await inForce()).bytes));
  const verifier = new CertificateVerifier({ clock, configuration });
  return {
    configuration,
    verifier,
    take: (document: Uint8Array) =>
      configuration.replace(
        acceptNextConfiguration(document, { configuration: configuration.current, verifier, clock }),
      ),
  };
}

async function issue() {
  const { issuer, configuration } = await loadAuthority(directory);
  const authority = new EnrollmentAuthority({ clock, accounts, issuer, configuration }, { overlayName: NAME });
  const document = configuration.bytes;
  return enrollDirectly(authority, { userName: USER, password: 'secret', document, root: issuer.certificate });
}

describe("an operator's changes", () => {
  it('are documents one in sequence after the last, 0 after 65534, which members of the one before take', async () => {
    const alice = await member();
    const expiration = clock.now() + 86_400_000;
    alice.take(await operator.update({ expiration, bootstrapNodes: [{ address: '192.0.2.1', port: 6084 }] }));
    expect(alice.configuration.current).toMatchObject({
      sequence: 1,
      expiration: Math.floor(expiration),
      bootstrapNodes: [{ address: '192.0.2.1', port: 6084 }],
    });
    await found(65_534);
    const late = await member();
    late.take(await operator.update({ maxMessageSize: 70_000 }));
    expect(late.configuration.current).toMatchObject({ sequence: 0, maxMessageSize: 70_000 });
  });

  it('that members would refuse are not made: what is in force stays', async () => {
    const before = (await inForce()).bytes;
    await expect(operator.update({ expiration: clock.now() - 1000 })).rejects.toMatchObject({ code: 'expired' });
    await expect(operator.update({ maxMessageSize: 5000 })).rejects.toMatchObject({ code: 'too-large' });
    expect(Buffer.compare((await inForce()).bytes, before)).toBe(0);
  });

  it('R6940-11.1-28 ban a node, whose certificate then counts for nothing, and lift that again', async () => {
    const { certificate } = await issue();
    const bob = await member();
    const [nodeId] = certificate.nodeIds;
    expect(bob.verifier.checkCertificate(certificate.der, []).userName).toBe(USER);
    bob.take(await operator.banNodes([nodeId!], false));
    expect(() => bob.verifier.checkCertificate(certificate.der, [])).toThrow(/bad node/);
    await expect(issue()).rejects.toMatchObject({ code: 'Node-IDs_not_available' });
    await expect(operator.banNodes([nodeId!], false)).rejects.toMatchObject({ code: 'no-change' });
    bob.take(await operator.banNodes([nodeId!], true));
    expect(bob.verifier.checkCertificate(certificate.der, []).userName).toBe(USER);
    await expect(operator.banNodes(['ab'.repeat(16) as NodeId], true)).rejects.toMatchObject({ code: 'no-change' });
  });

  it('ban a user before any certificate was issued, without a new document', async () => {
    expect(await operator.banUser(USER, false)).toBeUndefined();
    await expect(issue()).rejects.toMatchObject({ code: 'username_not_available' });
    await expect(operator.banUser('nobody@home.example', false)).rejects.toMatchObject({ code: 'unknown-account' });
    expect(await operator.banUser(USER, true)).toBeUndefined();
    expect((await issue()).certificate.userName).toBe(USER);
  });

  it('are seen by a server that runs on the folder: document, issuer, and its own certificate', async () => {
    const followed = await FollowedAuthority.open(directory, silentLogger);
    expect(await followed.refresh()).toBeUndefined();
    const first = issuerFingerprint(followed.issuer);
    await operator.addRoot();
    expect(await followed.refresh()).toBeUndefined();
    expect(followed.configuration.current.sequence).toBe(1);
    expect(issuerFingerprint(followed.issuer)).not.toBe(first);
    await operator.renewSigner();
    await operator.removeRoot(first, false);
    const renewed = await followed.refresh();
    expect(renewed?.certificateChain).toBe(followed.server.certificateChain);
    expect(followed.configuration.current.rootCerts).toHaveLength(1);
  });

  it('keep every file to its owner, and leave no half-written ones', async () => {
    await operator.addRoot();
    await operator.renewSigner();
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    for (const entry of entries) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect(`${entry.name} ${(mode & 0o777).toString(8)}`).toBe(`${entry.name} ${entry.isDirectory() ? 700 : 600}`);
      expect(entry.name).not.toMatch(/tmp/);
    }
  });
});

describe('a new root beside the old', () => {
  it('issues from now on, while certificates of the old one stay good until it is removed', async () => {
    const old = await issue();
    const first = issuerFingerprint((await loadAuthority(directory)).issuer);
    const bob = await member();
    const { document, fingerprint } = await operator.addRoot();
    const renewed = await issue();
    // Whoever has not heard of the new root yet can't believe it.
    expect(() => bob.verifier.checkCertificate(renewed.certificate.der, [])).toThrow(/chain/);
    bob.take(document);
    for (const { certificate } of [old, renewed])
      expect(bob.verifier.checkCertificate(certificate.der, []).nodeIds).toEqual(old.certificate.nodeIds);

    await expect(operator.removeRoot(fingerprint, true)).rejects.toMatchObject({ code: 'last-root' });
    await expect(operator.removeRoot('00000000', true)).rejects.toMatchObject({ code: 'unknown-root' });
    await expect(operator.removeRoot(first, true)).rejects.toThrow(/renew-signer/);
    bob.take(await operator.renewSigner());
    await expect(operator.removeRoot(first, false)).rejects.toThrow(/1 users have certificates .* 0 of them/);
    bob.take(await operator.removeRoot(first.slice(0, 12), true));
    expect(() => bob.verifier.checkCertificate(old.certificate.der, [])).toThrow(/chain/);
    expect(bob.verifier.checkCertificate(renewed.certificate.der, []).userName).toBe(USER);
    expect((await loadOperatorFiles(directory)).formerRoots).toEqual([]);
  });

  it('lets the old one go without force once its certificates have ended', async () => {
    await issue();
    const first = issuerFingerprint((await loadAuthority(directory)).issuer);
    await operator.addRoot();
    await operator.renewSigner();
    await expect(operator.removeRoot(first, false)).rejects.toMatchObject({ code: 'root-in-use' });
    clock.time += 366 * 86_400_000;
    const { configuration } = await loadAuthority(directory);
    expect(readDocument(await operator.removeRoot(first, false)).configuration.rootCerts).toHaveLength(
      configuration.current.rootCerts.length - 1,
    );
  });
});

describe('those who come new', () => {
  it('find the root of their invitation good until it is removed, and the new one from then on', async () => {
    const roots = async () => (await inForce()).current.rootCerts;
    const [old] = await roots();
    const accepts = async (trustedRoot: Uint8Array) =>
      acceptFirstConfiguration((await inForce()).bytes, NAME, { clock, trustedRoot }).configuration.instanceName;
    const presented = async () => certificatesInPem((await loadAuthority(directory)).serverChain).at(-1)!;
    await operator.addRoot();
    const added = (await roots())[1]!;
    expect(await accepts(old!)).toBe(NAME);
    await operator.renewSigner();
    await operator.update({ initialTtl: 70 });
    for (const root of [old!, added]) expect(await accepts(root)).toBe(NAME);
    expect(Buffer.compare(await presented(), old!)).toBe(0);
    await operator.removeRoot(issuerFingerprint({ certificate: old! }), true);
    expect(await accepts(added)).toBe(NAME);
    await expect(accepts(old!)).rejects.toMatchObject({ code: 'signature' });
    expect(Buffer.compare(await presented(), added)).toBe(0);
    expect((await inForce()).current.configurationSigners).toHaveLength(1);
  });
});

describe('a new signer', () => {
  it('is named by a document that the old one signed, and signs the next ones alone for those who know it', async () => {
    const [early, prompt] = [await member(), await member()];
    const old = (await loadOperatorFiles(directory)).signer;
    const rolled = await operator.renewSigner();
    prompt.take(rolled);
    const next = (await loadOperatorFiles(directory)).signer;
    expect(next.nodeId).not.toBe(old.nodeId);
    expect(prompt.configuration.current.configurationSigners).toEqual([next.nodeId]);
    expect(prompt.configuration.current.kindSigners).toEqual([next.nodeId]);
    const later = await operator.update({ initialTtl: 50 });
    prompt.take(later);
    // One who missed the document that names the new signer takes the next one all the same: the old signer is beside it.
    early.take(later);
    expect(early.configuration.current).toMatchObject({ sequence: 2, configurationSigners: [next.nodeId] });
  });

  it('can come again and again; a few of the earlier ones go on signing', async () => {
    for (let i = 0; i < 5; i++) await operator.renewSigner();
    const { retiredSigners, configuration } = await loadOperatorFiles(directory);
    expect(retiredSigners).toHaveLength(3);
    expect(readDocument(configuration.bytes).signatures.length).toBeLessThanOrEqual(8);
    const last = await member();
    last.take(await operator.update({ initialTtl: 60 }));
  });
});

describe('a document that comes while the clock is wrong', () => {
  it.each([
    ['years behind', -20, 'signature'],
    ['so far in the future that the document has expired', 5, 'expired'],
    ['so far in the future that every certificate has ended', 20, 'signature'],
  ])('%s is refused, and taken once the clock is right', async (_, years, code) => {
    const alice = await member();
    const right = clock.now();
    const document = await operator.update({ expiration: right + 3 * 365 * 86_400_000 });
    clock.time = right + years * 365 * 86_400_000;
    expect(() => alice.take(document)).toThrow(expect.objectContaining({ code }));
    expect(alice.configuration.current.sequence).toBe(0);
    clock.time = right;
    alice.take(document);
    expect(alice.configuration.current.sequence).toBe(1);
  });

  it('leaves certificates to be judged by the clock of each moment', async () => {
    const { certificate } = await issue();
    const { verifier } = await member();
    const right = clock.now();
    for (const [years, outcome] of [
      [-20, 'not-yet-valid'],
      [0, 'valid'],
      [-20, 'not-yet-valid'],
      [0, 'valid'],
      [2, 'expired'],
      [0, 'valid'],
    ] as const) {
      clock.time = right + years * 365 * 86_400_000;
      let found: string = 'valid';
      try {
        verifier.checkCertificate(certificate.der, []);
      } catch (thrown) {
        found = (thrown as { code: string }).code;
      }
      expect(found).toBe(outcome);
    }
  });
});
