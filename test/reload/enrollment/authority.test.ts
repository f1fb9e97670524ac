import { X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { equalBytes } from '#platform/bytes.ts';
import { systemRandom } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { EnrollmentAuthority, type EnrollmentRequest } from '#reload/enrollment/enrollment-authority.ts';
import { generatePrivateKey, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { LoginLimiter } from '#reload/enrollment/login-limiter.ts';
import { randomNodeIds } from '#reload/enrollment/node-ids.ts';
import { canonicalUserName } from '#reload/enrollment/user-name.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { parseCertificate } from '#reload/security/x509.ts';
import { memoryStore } from '#store/memory-store.ts';
import { createTestOverlay, fixedClock, TEST_EPOCH, type TestOverlay } from '../../support/overlay.ts';
import { DAY } from '../security/authority.ts';
import { foreignRequest } from './foreign-request.ts';

let overlay: TestOverlay;
let accounts: Accounts;
let authority: EnrollmentAuthority;

beforeEach(async () => {
  overlay = await createTestOverlay();
  accounts = new Accounts({ store: memoryStore().namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
  authority = new EnrollmentAuthority(
    { clock: overlay.clock, accounts, issuer: overlay.root, configuration: overlay.source },
    { overlayName: overlay.name, validityDays: 30, maxNodeIds: 4 },
  );
  await accounts.add({ account: 'alice@home.example', password: 'secret' });
});

async function request(
  changes: Partial<EnrollmentRequest> = {},
  name = 'alice@home.example',
): Promise<EnrollmentRequest> {
  const certificateRequest = await writeCertificateRequest(name, await generatePrivateKey('p-256'));
  return { account: 'alice@home.example', password: 'secret', nodeIds: undefined, certificateRequest, ...changes };
}

const refusal = async (changes: Partial<EnrollmentRequest>, name?: string) =>
  authority.enroll(await request(changes, name)).then(
    () => 'issued',
    (reason: { code?: string }) => reason.code,
  );

describe('the enrollment authority', () => {
  it('R6940-11.3-13 R6940-11.3-20 R6940-11.3-23 issues a certificate for the key of the request and the name of the account', async () => {
    const key = await generatePrivateKey('p-256');
    const der = await authority.enroll(
      await request({ certificateRequest: await writeCertificateRequest('alice@home.example', key) }),
    );
    const certificate = overlay.verifier().checkCertificate(der, []);
    expect(certificate.userName).toBe('alice@home.example');
    expect(certificate.nodeIds).toHaveLength(1);
    expect(equalBytes(publicKeyInfoOf(certificate.publicKey), publicKeyInfoOf(key))).toBe(true);
  });

  it('R6940-11.3-24 leaves the subject empty and marks the alternative names critical', async () => {
    const der = await authority.enroll(await request());
    expect(Buffer.from(parseCertificate(der).subject).toString('hex')).toBe('3000');
    expect(new X509Certificate(der).subject).toBeFalsy();
    const criticalSubjectAltName = Buffer.from('0603551d110101ff', 'hex');
    expect(Buffer.from(der).includes(criticalSubjectAltName)).toBe(true);
  });

  it('R6940-11.3-12 refuses a wrong password and an unknown account alike', async () => {
    expect(await refusal({ password: 'Secret' })).toBe('failed_authentication');
    expect(await refusal({ account: 'nobody@home.example' })).toBe('failed_authentication');
    expect(await refusal({ account: '' })).toBe('failed_authentication');
    expect(await refusal({ password: 'x'.repeat(2000) })).toBe('failed_authentication');
  });

  it('R6940-11.3-09 R6940-11.3-26 gives as many Node-IDs as the form asks for, within the limit', async () => {
    const der = await authority.enroll(await request({ nodeIds: '3' }));
    expect(readCertificate(der).nodeIds).toHaveLength(3);
    expect(readCertificate(await authority.enroll(await request())).nodeIds).toHaveLength(1);
    for (const nodeIds of ['1000', '5', '0', '-1', 'many', '', '1e1'])
      expect(await refusal({ nodeIds }), nodeIds).toBe('Node-IDs_not_available');
  });

  it('R6940-11.3-19 gives a user who comes back with another key the same Node-IDs again', async () => {
    const first = readCertificate(await authority.enroll(await request({ nodeIds: '2' }))).nodeIds;
    expect(readCertificate(await authority.enroll(await request({ nodeIds: '2' }))).nodeIds).toEqual(first);
    expect(readCertificate(await authority.enroll(await request())).nodeIds).toEqual(first.slice(0, 1));
    expect(readCertificate(await authority.enroll(await request({ nodeIds: '3' }))).nodeIds.slice(0, 2)).toEqual(first);
  });

  it('R6940-11.3-15 ignores a Node-ID that the request proposes, and draws its own at random', async () => {
    const proposed = 'ab'.repeat(16);
    const certificateRequest = await foreignRequest('CN=alice@home.example', `reload://0110${proposed}@home.example/`);
    const { nodeIds } = readCertificate(await authority.enroll(await request({ certificateRequest })));
    expect(nodeIds).toHaveLength(1);
    expect(nodeIds).not.toContain(proposed);
    await accounts.add({ account: 'bob@home.example', password: 'secret' });
    const [bob] = await accounts.nodeIdsFor('bob@home.example', 1);
    expect(nodeIds).not.toContain(bob);
  });

  it('R6940-11.3-16 draws no Node-ID for a request that fails', async () => {
    const drawn: number[] = [];
    const random = {
      bytes(length: number) {
        drawn.push(length);
        return systemRandom.bytes(length);
      },
    };
    const watched = new Accounts({ store: memoryStore().namespace('a'), random });
    await watched.add({ account: 'bob@home.example', password: 'pw' });
    const before = drawn.length;
    const strict = new EnrollmentAuthority(
      { clock: overlay.clock, accounts: watched, issuer: overlay.root, configuration: overlay.source },
      { overlayName: overlay.name },
    );
    await expect(strict.enroll(await request({ account: 'bob@home.example', password: 'no' }))).rejects.toThrow();
    await expect(
      strict.enroll(await request({ account: 'bob@home.example', password: 'pw' }, 'eve@home.example')),
    ).rejects.toThrow();
    expect(drawn.length).toBe(before);
  });

  it('R6940-11.3-13 R6940-11.3-22 refuses a name the account does not stand for', async () => {
    expect(await refusal({}, 'bob@home.example')).toBe('username_not_available');
    expect(await refusal({}, 'alice@pstn.home.example')).toBe('username_not_available');
  });

  it('R6940-11.3-21 refuses names with illegal characters, and issues the one spelling of a name', async () => {
    for (const user of ['eve\0', 'eve mallory', '"eve"', 'eve\\', '(eve)', 'ève', 'eve,', '']) {
      const userName = `${user}@home.example`;
      await expect(accounts.add({ account: 'eve', userName, password: 'pw' })).rejects.toMatchObject({
        code: 'bad-name',
      });
    }
    expect(await refusal({}, 'alice\0@home.example')).toBe('username_not_available');
    expect(await refusal({}, 'ALICE@home.example')).toBe('username_not_available');
    const der = await authority.enroll(await request({}, 'alice@HOME.Example'));
    expect(readCertificate(der).userName).toBe('alice@home.example');
  });

  it('R6940-11.3-10 refuses a missing or malformed request as bad_CSR', async () => {
    expect(await refusal({ certificateRequest: new Uint8Array() })).toBe('bad_CSR');
    expect(await refusal({ certificateRequest: Uint8Array.of(0x30, 0x80, 1) })).toBe('bad_CSR');
  });

  it('R6940-13.3-03 gives certificates the configured validity, never beyond the authority itself', async () => {
    const hour = 3_600_000;
    const der = await authority.enroll(await request());
    expect(readCertificate(der)).toMatchObject({
      notBefore: TEST_EPOCH - hour,
      notAfter: TEST_EPOCH - hour + 30 * DAY,
    });
    const long = new EnrollmentAuthority(
      { clock: overlay.clock, accounts, issuer: overlay.root, configuration: overlay.source },
      { overlayName: overlay.name, validityDays: 99_999 },
    );
    expect(readCertificate(await long.enroll(await request())).notAfter).toBe(
      parseCertificate(overlay.root.certificate).notAfter,
    );
  });
});

describe('Node-IDs', () => {
  it('R6940-11.3-14 are unique, spread evenly, and never the reserved ones', () => {
    const ids = randomNodeIds(systemRandom, 1000);
    expect(new Set(ids).size).toBe(1000);
    const upperHalf = ids.filter((id) => id >= '8').length;
    expect(upperHalf).toBeGreaterThan(400);
    expect(upperHalf).toBeLessThan(600);
    const reserved = ['00', 'ff', '12', '12', '34'].map((byte) => Buffer.from(byte.repeat(16), 'hex'));
    expect(randomNodeIds({ bytes: () => reserved.shift()! }, 2)).toEqual(['12'.repeat(16), '34'.repeat(16)]);
  });
});

describe('accounts', () => {
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => 'done',
      (reason: { code?: string }) => reason.code,
    );

  it('R6940-13.3-01 R7890-4-06 have unique user names', async () => {
    const again = accounts.add({ account: 'other', userName: 'alice@HOME.example', password: 'x' });
    expect(await failure(again)).toBe('taken');
    expect(await failure(accounts.add({ account: 'alice@home.example', password: 'x' }))).toBe('taken');
  });

  it('R6940-11.3-07 compare names and passwords as bytes: composed and decomposed accents differ', async () => {
    await accounts.add({ account: 'ren\u00e9', userName: 'rene@home.example', password: 'caf\u00e9' });
    await accounts.add({ account: 'rene\u0301', userName: 'rene2@home.example', password: 'x' });
    expect((await accounts.authenticate('ren\u00e9', 'caf\u00e9'))?.userName).toBe('rene@home.example');
    expect(await accounts.authenticate('ren\u00e9', 'cafe\u0301')).toBeUndefined();
    expect((await accounts.authenticate('rene\u0301', 'x'))?.userName).toBe('rene2@home.example');
  });

  it('refuse names that are none, the name of the configuration signer, and bad passwords', async () => {
    for (const account of ['alice', '@home.example', 'a b@home.example', 'alice@', 'a@b@c', 'a"@home.example', ''])
      expect(await failure(accounts.add({ account, password: 'x' })), account).toBe('bad-name');
    expect(await failure(accounts.add({ account: 'configuration@home.example', password: 'x' }))).toBe('reserved-name');
    expect(await failure(accounts.add({ account: 'bob@home.example', password: '' }))).toBe('bad-password');
    expect(await failure(accounts.setPassword('nobody', 'x'))).toBe('unknown-account');
  });

  it('keep their Node-IDs when the password changes', async () => {
    const ids = await accounts.nodeIdsFor('alice@home.example', 2);
    await accounts.setPassword('alice@home.example', 'new');
    expect(await accounts.authenticate('alice@home.example', 'secret')).toBeUndefined();
    expect((await accounts.authenticate('alice@home.example', 'new'))?.nodeIds).toEqual(ids);
  });

  it('hold no password in the clear', async () => {
    const store = memoryStore().namespace('x');
    const own = new Accounts({ store, random: systemRandom });
    await own.add({ account: 'bob@home.example', password: 'very-secret-word' });
    const all = [...store.keys('')].map((key) => Buffer.from(store.get(key)!).toString()).join();
    expect(all).toContain('bob@home.example');
    expect(all).not.toContain('very-secret-word');
  });
});

describe('user names', () => {
  it('have one canonical spelling', () => {
    expect(canonicalUserName('Alice@Home.EXAMPLE')).toBe('Alice@home.example');
    expect(canonicalUserName('+15551234@home.example')).toBe('+15551234@home.example');
    for (const text of [
      'alice%40x@home.example',
      'alice@home_example',
      'älice@home.example',
      `${'a'.repeat(250)}@home.example`,
    ])
      expect(canonicalUserName(text), text).toBeUndefined();
  });
});

describe('failed logins', () => {
  it('block an address and an account for a while', () => {
    const clock = fixedClock();
    const limiter = new LoginLimiter({ clock }, { failures: 2, windowMs: 1000 });
    limiter.failed('address a', 'account x');
    expect(limiter.isBlocked('address a', 'account y')).toBe(false);
    limiter.failed('address a', 'account y');
    expect(limiter.isBlocked('address a', 'account z')).toBe(true);
    expect(limiter.isBlocked('address b', 'account x')).toBe(false);
    clock.time += 1001;
    expect(limiter.isBlocked('address a', 'account x')).toBe(false);
  });
});
