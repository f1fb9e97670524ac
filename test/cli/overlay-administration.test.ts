import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runProgram } from '#cli/program.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import { systemRandom } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

const USER = 'alice@home.example';
const PASSPHRASE = 'a long passphrase of the operator';
let directory: string;
let at: (name: string) => string;

/** Runs a command as the program does; standard input holds `input`. */
async function run(args: readonly string[], input = '', environment: Record<string, string> = {}) {
  const streams = { input: new PassThrough(), output: new PassThrough(), errors: new PassThrough() };
  streams.input.end(input);
  const deps = { ...streams, environment, program: '', signal: new AbortController().signal };
  const status = await runProgram(deps as never, args);
  const text = (stream: PassThrough) => String(stream.read() ?? '');
  return { status, output: text(streams.output), errors: text(streams.errors) };
}

async function done(...args: readonly string[]): Promise<string> {
  const { status, output, errors } = await run(args, `${PASSPHRASE}\n`);
  expect(errors).toBe('');
  expect(status).toBe(0);
  return output;
}

const shown = async (dir: string) => JSON.parse(await done('overlay', 'show', '--dir', dir, '--json'));

async function contentOf(path: string): Promise<Record<string, string>> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('accounts'));
  const names = files.map((entry) => join(entry.parentPath, entry.name));
  const content = await Promise.all(
    names.map(async (name) => [name.slice(path.length), await readFile(name, 'latin1')]),
  );
  return Object.fromEntries(content);
}

/** An overlay with one user, copied for each test. */
let template: string;
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'copperring-template-'));
  await done('overlay', 'create', '--name', 'home.example', '--out', join(template, 'home'));
  await run(['overlay', 'add-user', '--dir', join(template, 'home'), '--user', USER], 'correct horse\n');
});
afterAll(() => rm(template, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-admin-'));
  at = (name) => join(directory, name);
  await cp(join(template, 'home'), at('home'), { recursive: true });
});
afterEach(() => rm(directory, { recursive: true }));

describe('overlay show, update, ban and the roll-over of roots and signers', () => {
  it('change the document step by step, and show how it stands', async () => {
    const dir = ['--dir', at('home')];
    const first = await shown(at('home'));
    expect(first).toMatchObject({ overlay: 'home.example', sequence: 0, expiration: null, banned: [] });
    const bootstrap = ['192.0.2.1:7000', '[2001:db8::1]:6084'];
    const settings = ['--expires', '2099-01-01', '--bootstrap', ...bootstrap, '--max-message-size', '80000'];
    expect(await done('overlay', 'update', ...dir, ...settings)).toMatch(/^Document 1 is signed/);
    const changed = { sequence: 1, expiration: '2099-01-01T00:00:00.000Z', bootstrap, max_message_size: 80_000 };
    expect(await shown(at('home'))).toMatchObject(changed);
    await done('overlay', 'update', ...dir, '--expires', 'never');
    await done('overlay', 'ban', ...dir, '--node', 'AB'.repeat(16));
    expect(await shown(at('home'))).toMatchObject({
      sequence: 3,
      expiration: null,
      banned: ['ab'.repeat(16)],
      bootstrap,
    });
    await done('overlay', 'ban', ...dir, '--node', 'ab'.repeat(16), '--remove');
    expect(await done('overlay', 'ban', ...dir, '--user', USER)).toMatch(/account is changed/);

    expect(await done('overlay', 'add-root', ...dir)).toMatch(/New certificates come from root [0-9a-f]{64}/);
    const signers = (await shown(at('home'))).signers;
    await done('overlay', 'renew-signer', ...dir);
    const old = first.roots[0].fingerprint;
    expect(await done('overlay', 'remove-root', ...dir, '--root', old)).toMatch(/sha256-[0-9a-f]{64}/);
    const last = await shown(at('home'));
    expect(last.signers).not.toEqual(signers);
    expect(last.roots).toMatchObject([{ issues: true }]);
    expect(last.roots[0].fingerprint).not.toBe(old);
    expect(await done('overlay', 'show', ...dir)).toContain(`root       ${last.roots[0].fingerprint} until `);
  });

  it.each([
    [['update'], /what to change/],
    [['update', '--expires', '2001-01-01'], /a time to come/],
    [['update', '--expires', 'soon'], /a time to come/],
    [['update', '--max-message-size', '17'], /5000 to/],
    [['update', '--bootstrap', 'example'], /no address/],
    [['ban'], /either --node or --user/],
    [['ban', '--node', 'xyz'], /no Node-ID/],
    [['ban', '--node', 'ab'.repeat(16), '--user', USER], /either --node or --user/],
    [['ban', '--user', 'nobody@home.example'], /There is no user/],
    [['remove-root', '--root', 'x'], /fingerprint/],
    [['remove-root', '--root', '0123456789'], /No root/],
    [['update', '--expires', 'never', '--publish', '/nonexistent'], /no copperring process is running/],
  ])('say what is wrong with %j', async ([name, ...args], why) => {
    const { status, errors } = await run(['overlay', name ?? '', '--dir', at('home'), ...args]);
    expect(status).toBe(1);
    expect(errors).toMatch(why);
  });
});

describe('overlay backup and restore', () => {
  const backup = (out: string) => done('overlay', 'backup', '--dir', at('home'), '--out', at(out));

  it('bring back every file and account, and show nothing of them without the passphrase', async () => {
    await done('overlay', 'add-root', '--dir', at('home'));
    await done('overlay', 'renew-signer', '--dir', at('home'));
    // As a server does that runs meanwhile.
    const running = await openLmdbStore(accountsDirectory(at('home')));
    await backup('saved');
    await running.close();
    const archive = await readFile(at('saved'), 'latin1');
    expect((await stat(at('saved'))).mode & 0o777).toBe(0o600);
    expect(archive).not.toMatch(/PRIVATE KEY|alice|overlay|former-roots/);
    expect(archive).toMatch(/^copperring-backup 1\n\{"kdf":"scrypt"/);

    expect(await done('overlay', 'restore', '--in', at('saved'), '--out', at('back'))).toContain('home.example');
    expect(await contentOf(at('back'))).toEqual(await contentOf(at('home')));
    const store = await openLmdbStore(accountsDirectory(at('back')));
    const accounts = new Accounts({ store: store.namespace(ACCOUNTS_NAMESPACE), random: systemRandom });
    expect(await accounts.authenticate(USER, 'correct horse')).toMatchObject({ userName: USER });
    await store.close();
    for (const entry of await readdir(at('back'), { withFileTypes: true, recursive: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      if (entry.isDirectory() || !entry.parentPath.includes('accounts')) expect(mode & 0o077).toBe(0);
    }
    // It can be worked with on.
    await done('overlay', 'update', '--dir', at('back'), '--expires', 'never');
  });

  it('overwrite nothing, neither the archive nor a folder', async () => {
    await backup('saved');
    const before = await readFile(at('saved'));
    const again = await run(['overlay', 'backup', '--dir', at('home'), '--out', at('saved')], `${PASSPHRASE}\n`);
    expect(again).toMatchObject({ status: 1, errors: expect.stringContaining('EEXIST') });
    expect(await readFile(at('saved'))).toEqual(before);
    const content = await contentOf(at('home'));
    const over = await run(['overlay', 'restore', '--in', at('saved'), '--out', at('home')], `${PASSPHRASE}\n`);
    expect(over).toMatchObject({ status: 1, errors: expect.stringContaining('is there already') });
    expect(await contentOf(at('home'))).toEqual(content);
  });

  it('take the passphrase from a file or the environment too, and want one', async () => {
    await writeFile(at('passphrase'), `${PASSPHRASE}\n`);
    const args = ['overlay', 'backup', '--dir', at('home'), '--out', at('a')];
    expect(await run([...args, '--passphrase-file', at('passphrase')])).toMatchObject({ status: 0 });
    const restore = ['overlay', 'restore', '--in', at('a'), '--out', at('b')];
    expect(await run(restore, '', { COPPERRING_PASSPHRASE: PASSPHRASE })).toMatchObject({ status: 0 });
    const none = await run(['overlay', 'backup', '--dir', at('home'), '--out', at('c')]);
    expect(none).toMatchObject({ status: 1, errors: expect.stringContaining('COPPERRING_PASSPHRASE') });
    expect((await readdir(directory)).sort()).toEqual(['a', 'b', 'home', 'passphrase']);
  });
});

describe('an archive that does not open', () => {
  let archives: string;
  let good: Buffer;
  beforeAll(async () => {
    archives = await mkdtemp(join(tmpdir(), 'copperring-archive-'));
    await done('overlay', 'backup', '--dir', join(template, 'home'), '--out', join(archives, 'good'));
    good = await readFile(join(archives, 'good'));
  });
  afterAll(() => rm(archives, { recursive: true }));

  const flipped = (index: number) => {
    const bytes = Buffer.from(good);
    const i = index < 0 ? bytes.length + index : index;
    bytes[i] = (bytes[i] ?? 0) ^ 1;
    return bytes;
  };

  it.each<[string, () => Buffer, string, RegExp]>([
    ['by another passphrase', () => good, 'another', /does not open with this passphrase/],
    ['cut off', () => good.subarray(0, -1), PASSPHRASE, /damaged or cut off/],
    ['cut off after its header', () => good.subarray(0, 250), PASSPHRASE, /damaged/],
    ['with a bit changed in the middle', () => flipped(1000), PASSPHRASE, /damaged/],
    ['with a bit changed in its salt', () => flipped(good.indexOf('"salt":"') + 10), PASSPHRASE, /damaged/],
    ['with a bit changed at the end', () => flipped(-1), PASSPHRASE, /damaged/],
    [
      'of a later version',
      () => Buffer.from(good.toString('latin1').replace('backup 1', 'backup 2'), 'latin1'),
      PASSPHRASE,
      /version 2/,
    ],
    ['that is something else', () => Buffer.from('hello'), PASSPHRASE, /no archive/],
    ['that is empty', () => Buffer.alloc(0), PASSPHRASE, /no archive/],
  ])('%s says so and leaves nothing behind', async (_, bytes, passphrase, why) => {
    const [source, out] = [join(archives, 'bad'), join(archives, 'out')];
    await writeFile(source, bytes());
    const { status, errors } = await run(['overlay', 'restore', '--in', source, '--out', out], `${passphrase}\n`);
    expect(status).toBe(1);
    expect(errors).toMatch(why);
    expect((await readdir(archives)).sort()).toEqual(['bad', 'good']);
  });
});
