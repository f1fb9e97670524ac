import { scryptSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { ACCOUNTS_NAMESPACE } from '#reload/enrollment/accounts.ts';
import { loadAuthority } from '#reload/enrollment/authority-directory.ts';
import { loadMember } from '#reload/enrollment/identity-directory.ts';
import { acceptFirstConfiguration } from '#reload/security/configuration-signature.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { freePort, Program, runToEnd } from './program.ts';

const OVERLAY = 'roles.example';
const USERS = {
  first: `first@${OVERLAY}`,
  gateway: `gw1@pstn.${OVERLAY}`,
  proxy: `proxy@${OVERLAY}`,
  client: `client@${OVERLAY}`,
  phone: `alice@${OVERLAY}`,
};

/** Everything by the commands an operator types, each role a process with a TOML file of its own. */
describe('an overlay put together on the command line', () => {
  const running = new Map<string, Program>();
  const environment = { COPPERRING_PASSWORD: 'correct horse' };
  let directory: string;
  let invitation = '';

  const at = (...path: string[]) => join(directory, ...path);
  const done = async (...args: string[]) => {
    const outcome = await runToEnd(args, { environment });
    expect(outcome, args.join(' ')).toMatchObject({ status: 0, errors: '' });
    return outcome.output;
  };
  const identityOf = (name: string) => at(name, 'identity');
  const ask = async (name: string, ...args: string[]) =>
    JSON.parse(await done(...args, '--json', '--config', at(`${name}.toml`)));

  /** Writes `name.toml`, runs it and waits until it says that it is ready. */
  async function start(name: string, toml: string): Promise<Program> {
    await mkdir(at(name), { recursive: true });
    const overlay = `[overlay]\nname = "${OVERLAY}"\nlisten = "127.0.0.1:0"\nloopback = true\n`;
    const text = `state = "${at(name)}"\n${toml.includes('[overlay]') ? toml : `${toml}\n${overlay}`}`;
    await writeFile(at(`${name}.toml`), text, { mode: 0o600 });
    const program = new Program(['run', '--json-events', '--config', at(`${name}.toml`)], { environment });
    running.set(name, program);
    await program.event('ready');
    return program;
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-roles-'));
    const [enrollment, bootstrap] = [await freePort(), `127.0.0.1:${await freePort()}`];
    const where = ['--host', '127.0.0.1', '--port', String(enrollment), '--bootstrap', bootstrap];
    const created = await done('overlay', 'create', '--name', OVERLAY, '--out', at('authority'), ...where);
    invitation = created.split('\n').at(-1) ?? '';
    for (const user of Object.values(USERS)) {
      await done('overlay', 'add-user', '--dir', at('authority'), '--user', user);
    }
    const listen = `[enrollment]\nlisten = "127.0.0.1:${enrollment}"\ndirectory = "${at('authority')}"\n`;
    await start('enrollment', `roles = ["enrollment"]\n${listen}`);
    for (const name of ['first', 'gateway', 'proxy'] as const) {
      await done('enroll', '--user', USERS[name], '--invitation', invitation, '--out', identityOf(name));
    }
    const found = `[overlay]\nname = "${OVERLAY}"\nlisten = "${bootstrap}"\nloopback = true\nfound = true\n`;
    await start('first', `roles = ["peer", "bootstrap"]\n${found}`);
  }, 60_000);

  afterAll(async () => {
    for (const program of [...running.values()].reverse()) await program.end('SIGKILL');
    await rm(directory, { recursive: true });
  });

  it('overlay create makes a signed document with every mandatory element, the Kinds in use and domain restrictions', async () => {
    const bytes = await readFile(at('authority', 'overlay.relo'));
    const { issuer } = await loadAuthority(at('authority'));
    const { configuration } = acceptFirstConfiguration(bytes, OVERLAY, {
      clock: systemClock,
      trustedRoot: issuer.certificate,
    });
    expect(configuration).toMatchObject({
      instanceName: OVERLAY,
      sequence: expect.any(Number),
      topologyPlugin: 'CHORD-RELOAD',
      nodeIdLength: 16,
      rootCerts: [expect.any(Uint8Array)],
      enrollmentServers: [expect.stringMatching(/^https:/)],
      bootstrapNodes: [{ address: '127.0.0.1', port: expect.any(Number) }],
      configurationSigners: [expect.any(String)],
      kindSigners: [expect.any(String)],
      pstnDomain: `pstn.${OVERLAY}`,
    });
    const kind = (wanted: number) => configuration.kinds.find(({ id }) => id === wanted);
    expect(kind(0xf0000001)).toMatchObject({ dataModel: 'SINGLE', accessControl: 'NODE-MATCH' });
    expect(kind(0x104)).toMatchObject({ branchingFactor: 10, accessControl: 'NODE-ID-MATCH' });
    expect(kind(0x1)?.domainRestriction).toEqual({
      enable: true,
      patterns: ['roles\\.example', 'pstn\\.roles\\.example'],
    });
  });

  it('overlay create and enroll leave a member with a P-256 key, all files 0600', async () => {
    const { identities } = await loadMember(identityOf('first'));
    expect(identities[0]?.certificate.userName).toBe(USERS.first);
    expect(identities[0]?.privateKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    const entries = await readdir(identityOf('first'), { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
  });

  it('enroll --key-type rsa-2048 takes overlay name, root certificate and URL in place of an invitation', async () => {
    const [url = ''] = invitation.split('#');
    const trust = ['--ca', at('authority', 'configuration-signer', 'root.pem'), '--url', url];
    const options = ['--overlay', OVERLAY, '--key-type', 'rsa-2048', '--out', identityOf('client')];
    await done('enroll', '--user', USERS.client, ...trust, ...options);
    const { identities } = await loadMember(identityOf('client'));
    expect(identities[0]?.privateKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
  });

  it('enroll refuses a wrong password and another root hash than the document is signed under', async () => {
    const enroll = ['enroll', '--user', USERS.client, '--out', at('nowhere')];
    const wrong = await runToEnd([...enroll, '--invitation', invitation], {
      environment: { COPPERRING_PASSWORD: 'guess' },
    });
    expect(wrong).toMatchObject({ status: 1, errors: expect.stringMatching(/password|authentication/i) });
    const forged = invitation.replace(/sha256-.{4}/, 'sha256-0000');
    expect((await runToEnd([...enroll, '--invitation', forged], { environment })).status).toBe(1);
  });

  it('the users and their scrypt-hashed passwords are in LMDB', async () => {
    const store = await openLmdbStore(accountsDirectory(at('authority')));
    const accounts = store.namespace(ACCOUNTS_NAMESPACE);
    const texts = [...accounts.keys('')].map((key) => Buffer.from(accounts.get(key) ?? []).toString());
    await store.close();
    const found = texts.find((text) => text.includes(USERS.first) && text.includes('"hash"')) ?? '{}';
    const { salt, hash, cost } = JSON.parse(found).password;
    const derived = scryptSync('correct horse', Buffer.from(salt, 'base64'), 32, { N: cost, r: 8, p: 1 });
    expect(derived.toString('base64')).toBe(hash);
    expect(texts.join()).not.toContain('correct horse');
  });

  it('the enrollment server hands out the very document that overlay create signed', async () => {
    const { configuration } = await loadMember(identityOf('first'));
    expect(Buffer.from(configuration.bytes)).toEqual(await readFile(at('authority', 'overlay.relo')));
  });

  it.each([
    ['gateway', '[line]\nemulated = true\ncountry = "DE"\nserves = ["+49"]\n'],
    ['proxy', `[[phones]]\nuser = "${USERS.phone}"\npassword = "correct horse"\n[sip]\nlisten = "127.0.0.1:0"\n`],
    ['client', ''],
  ])('the role %s joins through the bootstrap node of the document', async (role, toml) => {
    const rule = `[[dial_plan.allow]]\ncallers = ["${USERS.client}"]\nprefixes = ["+49"]\n`;
    await start(role, `roles = ["${role}"]\n${toml}${role === 'gateway' ? rule : ''}`);
    const status = await ask(role, 'status');
    expect(status).toMatchObject({ roles: [role], node: { joined: true, overlay: OVERLAY } });
  });

  it('R7890-2.4-03 the roles enrollment, peer and bootstrap answer for themselves', async () => {
    expect(await ask('enrollment', 'status')).toMatchObject({ roles: ['enrollment'], enrollment: expect.any(String) });
    expect(await ask('first', 'status')).toMatchObject({
      roles: ['peer', 'bootstrap'],
      bootstrap: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      node: { joined: true, peers: 2 },
    });
    expect(await ask('first', 'status')).not.toHaveProperty('sip');
  });

  it('discover and call find the gateway from the client, and speak over its line', async () => {
    await running.get('gateway')?.event('published');
    const found = await ask('client', 'discover', '+4930123456');
    const { node } = await ask('gateway', 'status');
    expect(found).toMatchObject({ userName: USERS.gateway, nodeId: node.nodeId, namespace: 'x-pstn-gateway:+49' });
    const placed = await ask('client', 'call', '+4930123456', '--seconds', '1', '--tone', '500');
    expect(placed).toMatchObject({ answered: true });
    expect(placed.heardHz).toBeGreaterThan(0);
    const none = await runToEnd(['discover', '+33123456789', '--config', at('client.toml')], { environment });
    expect(none).toMatchObject({ status: 1, output: 'no gateway for +33123456789 was found' });
  });

  it('every role ends with status 0 when it is told to', async () => {
    const last = [...running.entries()].reverse();
    for (const [name, program] of last) {
      const { status, errors } = await program.end('SIGTERM');
      expect([name, status, errors.includes('"level":50')]).toEqual([name, 0, false]);
    }
  });
});
