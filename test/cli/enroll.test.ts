import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enrollMember } from '#cli/enroll.ts';
import { createOverlay } from '#cli/overlay-create.ts';
import { addOverlayUser } from '#cli/overlay-user.ts';
import { PASSWORD_VARIABLE, readPassword } from '#cli/password.ts';
import { runProgram } from '#cli/program.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { loadAuthority } from '#reload/enrollment/authority-directory.ts';
import { EnrollmentAuthority } from '#reload/enrollment/enrollment-authority.ts';
import { EnrollmentServer } from '#reload/enrollment/enrollment-server.ts';
import type { FetchDeps } from '#reload/enrollment/fetch-configuration.ts';
import { loadMember } from '#reload/enrollment/identity-directory.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { acceptFirstConfiguration } from '#reload/security/configuration-signature.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { memoryStore } from '#store/memory-store.ts';

let directory: string;
let printed: string[];
const print = (line: string) => void printed.push(line);
const base = { clock: systemClock, random: systemRandom };
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-cli-'));
  printed = [];
});
afterEach(() => rm(directory, { recursive: true }));

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (reason: { code?: string }) => reason.code ?? String(reason),
  );

async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Serves the overlay in `out` as the enrollment role does, on the port its document names. */
async function serve(out: string, store: KeyValueStore, port: number) {
  const stored = await loadAuthority(out);
  const accounts = new Accounts({ store: store.namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
  const authority = new EnrollmentAuthority(
    { clock: systemClock, accounts, issuer: stored.issuer, configuration: stored.configuration },
    { overlayName: stored.overlayName },
  );
  const server = new EnrollmentServer(
    { clock: systemClock, log: silentLogger, authority, configuration: stored.configuration },
    { certificateChain: stored.serverChain, privateKey: stored.serverKey },
  );
  await server.listen({ host: '127.0.0.1', port });
  return server;
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe('overlay create, add-user and enroll', () => {
  it('lead from a name to a stored member of a signed overlay', async () => {
    const out = join(directory, 'home');
    const port = await freePort();
    await createOverlay(
      { ...base, print },
      {
        name: 'home.example',
        out,
        hosts: ['127.0.0.1', 'localhost'],
        port,
        bootstrap: ['127.0.0.1:6084', '[::1]:7000', '192.0.2.1'],
      },
    );
    const invitation = printed.at(-1)!;
    expect(invitation).toMatch(
      new RegExp(`^https://127\\.0\\.0\\.1:${port}/\\.well-known/reload-config#home\\.example,sha256-[0-9a-f]{64}$`),
    );

    const store = memoryStore();
    await addOverlayUser(
      { store, random: systemRandom, print },
      { user: 'alice@home.example', password: 'correct horse' },
    );
    const server = await serve(out, store, port);
    const deps: FetchDeps & { print: typeof print } = { ...base, print, resolveSrv: async () => [] };
    const member = join(directory, 'alice');
    await enrollMember(deps, { user: 'alice', password: 'correct horse', invitation, out: member });
    expect(printed.at(-2)).toMatch(/^alice@home\.example is a member of home\.example until /);

    const ca = join(out, 'configuration-signer', 'root.pem');
    const url = `https://localhost:${port}/.well-known/reload-config`;
    const second = join(directory, 'again');
    await enrollMember(deps, {
      overlay: 'home.example',
      user: 'alice@home.example',
      password: 'correct horse',
      ca,
      url,
      out: second,
      keyType: 'rsa-2048',
    });
    const args = ['enroll', '--renew', '--out', second];
    const output = new PassThrough();
    const streams = { input: new PassThrough(), output: output, errors: new PassThrough() };
    const before = (await loadMember(second)).identities[0]!;
    const program = { ...streams, environment: {}, program: '', signal: new AbortController().signal };
    expect(await runProgram(program as never, args)).toBe(0);
    expect(String(output.read())).toMatch(/^alice@home\.example is a member of home\.example until /);
    const after = (await loadMember(second)).identities[0]!;
    expect(after.certificate.fingerprint).not.toBe(before.certificate.fingerprint);
    expect(after.privateKey.equals(before.privateKey)).toBe(false);
    expect(await runProgram(program as never, [...args, '--keep-key'])).toBe(0);
    expect((await loadMember(second)).identities[0]!.privateKey.equals(after.privateKey)).toBe(true);
    expect(await runProgram(program as never, ['enroll', '--out', second])).toBe(2);
    expect(String(streams.errors.read())).toMatch(/give --user, or --renew/);
    await server.close();

    const [one, two] = [await loadMember(member), await loadMember(second)];
    expect(two.identities[0]?.nodeId).toBe(one.identities[0]?.nodeId);
    expect(one.configuration.current.bootstrapNodes).toEqual([
      { address: '127.0.0.1', port: 6084 },
      { address: '::1', port: 7000 },
      { address: '192.0.2.1', port: 6084 },
    ]);
    const verifier = new CertificateVerifier({ clock: systemClock, configuration: one.configuration });
    expect(verifier.checkCertificate(one.identities[0]!.certificate.der, []).userName).toBe('alice@home.example');
    const printedSecrets = printed.filter((line) => line.includes('correct horse'));
    expect(printedSecrets).toEqual([]);
  });

  it('R6940-14.16-01 overlay create signs the document and keeps every file to its owner', async () => {
    const out = join(directory, 'o');
    await createOverlay(
      { ...base, print },
      {
        name: 'home.example',
        out,
        hosts: [],
        port: 8443,
        bootstrap: [],
        gatewayDomain: 'gw.home.example',
        maxMessageSize: 40_000,
      },
    );
    const { issuer, configuration } = await loadAuthority(out);
    const signed = acceptFirstConfiguration(configuration.bytes, 'home.example', {
      clock: systemClock,
      trustedRoot: issuer.certificate,
    });
    expect(signed.configuration).toMatchObject({
      pstnDomain: 'gw.home.example',
      maxMessageSize: 40_000,
      enrollmentServers: ['https://home.example:8443/enroll'],
      noIce: true,
    });
    const files = await filesBelow(out);
    expect(files.length).toBeGreaterThanOrEqual(6);
    for (const file of files) expect((await stat(file)).mode & 0o777, file).toBe(0o600);
  });

  it('overlay create overwrites nothing, and says which option is wrong', async () => {
    const options = { name: 'home.example', out: join(directory, 'o'), hosts: [], port: 8443, bootstrap: [] };
    await createOverlay({ ...base, print }, options);
    const before = await readFile(join(options.out, 'overlay.relo'));
    expect(await code(createOverlay({ ...base, print }, options))).toBe('exists');
    expect((await readFile(join(options.out, 'overlay.relo'))).equals(before)).toBe(true);
    const other = { ...options, out: join(directory, 'p') };
    const make = (changes: Partial<typeof other>) => createOverlay({ ...base, print }, { ...other, ...changes });
    await expect(make({ name: 'no name!' })).rejects.toThrow(/^--name/);
    await expect(make({ bootstrap: ['somewhere:6084'] } as never)).rejects.toThrow(/^--bootstrap/);
    await expect(make({ hosts: ['a b'] } as never)).rejects.toThrow(/^--host/);
    for (const port of [Number.NaN, 0, 65_536, 8443.5]) await expect(make({ port })).rejects.toThrow(/^--port/);
    expect(await code(createOverlay({ ...base, print }, { ...other, maxMessageSize: 5000 }))).toBe('too-large');
  });

  it('overlay create takes no port that is no number from 1 to 65535', async () => {
    for (const port of ['abc', '', '0', '65536', '0x50', '-1', '80 ']) {
      const errors = new PassThrough();
      const streams = { input: new PassThrough(), output: new PassThrough(), errors };
      const deps = { ...streams, environment: {}, program: '', signal: new AbortController().signal };
      const out = join(directory, 'o');
      const status = await runProgram(deps as never, [
        'overlay',
        'create',
        '--name',
        'home.example',
        '--out',
        out,
        `--port=${port}`,
      ]);
      expect([port, status, String(errors.read())]).toEqual([port, 1, expect.stringContaining('--port: ')]);
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it('enroll wants to know whom to trust and which overlay is meant', async () => {
    const deps = { ...base, print, resolveSrv: async () => [] };
    const options = { user: 'alice', password: 'x', out: directory };
    const invitation = `https://localhost:1/x#home.example,sha256-${'ab'.repeat(32)}`;
    expect(await code(enrollMember(deps, { ...options, overlay: 'home.example' }))).toBe('no-trust');
    expect(await code(enrollMember(deps, options))).toBe('no-overlay');
    expect(await code(enrollMember(deps, { ...options, overlay: 'other.example', invitation }))).toBe('other-overlay');
    expect(await code(enrollMember(deps, { ...options, invitation }))).toBe('unreachable');
    await writeFile(join(directory, 'ca.pem'), 'nothing');
    expect(await code(enrollMember(deps, { ...options, overlay: 'home.example', ca: join(directory, 'ca.pem') }))).toBe(
      'bad-ca',
    );
  });

  it('add-user refuses a name that is taken, and can set a new password', async () => {
    const deps = { store: memoryStore(), random: systemRandom, print };
    await addOverlayUser(deps, { user: 'bob@home.example', password: 'one' });
    expect(await code(addOverlayUser(deps, { user: 'bob@home.example', password: 'two' }))).toBe('taken');
    await addOverlayUser(deps, { user: 'bob@home.example', password: 'two', newPassword: true });
    const accounts = new Accounts({ store: deps.store.namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
    expect(await accounts.authenticate('bob@home.example', 'one')).toBeUndefined();
    expect(await accounts.authenticate('bob@home.example', 'two')).toBeDefined();
  });
});

describe('passwords', () => {
  const sources = (typed: string, environment = {}, file?: string) => {
    const input = new PassThrough();
    input.end(typed);
    return { file, environment, input, output: new PassThrough() };
  };

  it('come from a file, the environment or the first line of standard input, in this order', async () => {
    const file = join(directory, 'password');
    await writeFile(file, 'from file\nsecond line\n');
    expect(await readPassword(sources('typed\nmore\n'), '')).toBe('typed');
    expect(await readPassword(sources('typed', { [PASSWORD_VARIABLE]: 'from env' }), '')).toBe('from env');
    expect(await readPassword(sources('typed', { [PASSWORD_VARIABLE]: 'from env' }, file), '')).toBe('from file');
  });

  it('are asked for without showing them on a terminal', async () => {
    const { output, ...rest } = sources('hidden\n');
    const input = Object.assign(rest.input, { isTTY: true });
    expect(await readPassword({ ...rest, input, output }, 'Password: ')).toBe('hidden');
    expect(String(output.read())).toBe('Password: \n');
  });

  it('must not be missing or enormous', async () => {
    expect(await code(readPassword(sources(''), ''))).toBe('no-password');
    expect(await code(readPassword(sources('', { [PASSWORD_VARIABLE]: 'x'.repeat(2000) }), ''))).toBe(
      'password-too-long',
    );
  });
});
