import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { enroll } from '#reload/enrollment/enroll.ts';
import { toPem } from '#reload/enrollment/https-client.ts';
import { loadMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import { generatePrivateKey, privateKeyToPem } from '#reload/enrollment/keys.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import { DAY, email, uri, writeCertificate } from '../security/authority.ts';

async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'copperring-member-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

describe('a member without what it takes', () => {
  it('R6940-6.3.2.1-01 does not come into being without a document: nobody can be reached, and the reason is said', async () => {
    const overlay = await createTestOverlay({ clock: systemClock });
    const identity = await overlay.identity('alice');
    const folder = await directory();
    const { certificate, privateKey } = identity;
    await saveMember(folder, { document: overlay.document, root: overlay.root.certificate, certificate, privateKey });
    expect((await loadMember(folder)).configuration.current.instanceName).toBe(overlay.name);
    await rm(join(folder, 'overlay.relo'));
    await expect(loadMember(folder)).rejects.toThrow(/overlay\.relo can't be read .*Enroll again/);

    // The configuration server is gone as well: its port is closed.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = server.address();
    const port = typeof at === 'object' && at !== null ? at.port : 0;
    await new Promise((resolve) => server.close(resolve));
    const request = {
      overlayName: overlay.name,
      url: `https://127.0.0.1:${port}/.well-known/reload-config`,
      trust: { certificate: overlay.root.certificate },
      userName: 'alice@home.example',
      password: 'secret',
    };
    const deps = { clock: systemClock, random: systemRandom, resolveSrv: async () => [] };
    await expect(enroll(deps, request)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it.each([
    ['no RELOAD URI', [email()], /0 URIs/],
    ['no names at all', undefined, /no subjectAltName/],
    ['a Node-ID that cannot be read', [email(), { type: 'url', value: 'reload://zz@home.example/' }], /URI/],
  ] as const)('R6940-4.1-02 does not start with a certificate that has %s', async (_what, names, why) => {
    const overlay = await createTestOverlay({ clock: systemClock });
    const validity = { notBefore: Date.now() - DAY, notAfter: Date.now() + DAY };
    const folder = await directory();
    const write = async (san: typeof names | readonly ReturnType<typeof uri | typeof email>[]) => {
      const key = await generatePrivateKey('p-256');
      const der = await writeCertificate({
        issuer: overlay.root,
        key,
        validity,
        ...(san === undefined ? {} : { names: san }),
      });
      await writeFile(join(folder, 'identity.pem'), privateKeyToPem(key) + toPem(der));
    };
    const { certificate, privateKey } = await overlay.identity('alice');
    await saveMember(folder, { document: overlay.document, root: overlay.root.certificate, certificate, privateKey });
    await write([email(), uri()]);
    expect((await loadMember(folder)).identities).toHaveLength(1);
    await write(names);
    await expect(loadMember(folder)).rejects.toThrow(why);
  });

  it('R6940-4.1-02 has one identity for each Node-ID of its certificate', async () => {
    const overlay = await createTestOverlay({ clock: systemClock });
    const ids = ['11', '22', '33'].map((digits) => digits.repeat(16)) as unknown as Parameters<
      typeof overlay.identities
    >[1];
    const [{ certificate, privateKey } = expect.fail()] = await overlay.identities('many', ids);
    const folder = await directory();
    await saveMember(folder, { document: overlay.document, root: overlay.root.certificate, certificate, privateKey });
    expect((await loadMember(folder)).identities.map(({ nodeId }) => nodeId)).toEqual(ids);
  });
});
