import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo, LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { type EnrollRequest, enroll } from '#reload/enrollment/enroll.ts';
import { type FetchDeps, fetchFirstConfiguration } from '#reload/enrollment/fetch-configuration.ts';
import { toPem } from '#reload/enrollment/https-client.ts';
import { loadMember, saveConfiguration, saveMember } from '#reload/enrollment/identity-directory.ts';
import { parseInvitation, printInvitation } from '#reload/enrollment/invitation.ts';
import { generatePrivateKey, privateKeyToPem, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeMemberCertificate, writeServerCertificate } from '#reload/enrollment/x509-writer.ts';
import { selfSignedNodeIds } from '#reload/security/self-signed.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import { newRoot } from '../security/authority.ts';
import { type RunningServer, runServer } from './running-server.ts';

let server: RunningServer;
beforeAll(async () => {
  server = await runServer();
});
afterAll(() => server.close());

/** Every name is this computer. */
const lookup: LookupFunction = (_host, options, callback) =>
  options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);

function deps(
  asked: string[] = [],
  records: readonly { name: string; port: number; priority: number; weight: number }[] = [],
): FetchDeps {
  return {
    clock: systemClock,
    random: systemRandom,
    lookup,
    resolveSrv: async (name) => {
      asked.push(name);
      return records;
    },
  };
}

async function fingerprintOf(der: Uint8Array): Promise<string> {
  const { createHash } = await import('node:crypto');
  return toHex(createHash('sha256').update(der).digest());
}

function wanted(changes: Partial<EnrollRequest> = {}, of: RunningServer = server): EnrollRequest {
  return {
    overlayName: 'home.example',
    url: `${of.base}/.well-known/reload-config`,
    trust: { certificate: of.overlay.root.certificate },
    userName: 'alice@home.example',
    password: 'secret',
    ...changes,
  };
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (reason: { code?: string }) => reason.code ?? String(reason),
  );

describe('enrolling', () => {
  it('R6940-11.3-02 R6940-11.3-28 fetches the document, has a new key certified, and checks the certificate', async () => {
    const member = await enroll(deps(), wanted());
    expect(member.certificate.userName).toBe('alice@home.example');
    expect(Buffer.from(member.document).equals(server.overlay.source.bytes)).toBe(true);
    expect(publicKeyInfoOf(member.certificate.publicKey)).toEqual(publicKeyInfoOf(member.privateKey));
  });

  it('needs no more than the hash of the root from an invitation', async () => {
    const rootFingerprint = await fingerprintOf(server.overlay.root.certificate);
    const line = printInvitation({ url: wanted().url!, overlayName: 'home.example', rootFingerprint });
    const invitation = parseInvitation(`  ${line}\n`);
    const member = await enroll(
      deps(),
      wanted({ url: invitation.url, trust: { fingerprint: invitation.rootFingerprint } }),
    );
    expect(Buffer.from(member.root).equals(server.overlay.root.certificate)).toBe(true);
  });

  it('R6940-11.3-09 R6940-11.3-29 can have an RSA key and several Node-IDs', async () => {
    const member = await enroll(deps(), wanted({ keyType: 'rsa-2048', nodeIds: 3 }));
    expect(member.certificate.nodeIds).toHaveLength(3);
    expect(member.privateKey.asymmetricKeyType).toBe('rsa');
  });

  it('says why the server refused', async () => {
    await expect(enroll(deps(), wanted({ password: 'wrong' }))).rejects.toMatchObject({
      fault: { code: 'refused', token: 'failed_authentication' },
    });
    await expect(
      enroll(deps(), wanted({ userName: 'bob@home.example', account: 'alice@home.example' })),
    ).rejects.toMatchObject({
      fault: { token: 'username_not_available' },
    });
    await expect(enroll(deps(), wanted({ nodeIds: 1000 }))).rejects.toMatchObject({
      fault: { token: 'Node-IDs_not_available' },
    });
  });

  it('R6940-11.3-08 sends names and passwords as the application prepares them', async () => {
    const prepare = (text: string) => text.trim();
    expect(await code(enroll(deps(), wanted({ password: ' secret ' })))).toBe('refused');
    expect(await code(enroll(deps(), wanted({ password: ' secret ', prepare })))).toBe('done');
  });

  it('R6940-11.1-12 asks the next enrollment server when one is dead', async () => {
    server.publish({ enrollmentServers: ['https://localhost:1/enroll', `${server.base}/enroll`] });
    expect(await code(enroll(deps(), wanted()))).toBe('done');
    server.publish({ enrollmentServers: ['https://localhost:1/enroll'] });
    expect(await code(enroll(deps(), wanted()))).toBe('unreachable');
    server.publish({ enrollmentServers: [`${server.base}/enroll`] });
  });

  it('R6940-11.3-04 wants the server certificate to match the overlay name when told so, else the host of the signed URL is good too', async () => {
    const byHost = await runServer({ dns: ['localhost'] });
    expect(await code(enroll(deps(), wanted({}, byHost)))).toBe('done');
    expect(await code(enroll(deps(), wanted({ overlayNameOnly: true }, byHost)))).toBe('untrusted-server');
    expect(await code(enroll(deps(), wanted({ overlayNameOnly: true })))).toBe('done');
    await byHost.close();
  });

  it('R6940-11.3.1-01 makes its own certificate where the overlay permits that and has no enrollment server', async () => {
    const free = await runServer({ configuration: { selfSignedDigest: 'sha256', enrollmentServers: [] } });
    const member = await enroll(deps(), wanted({ userName: 'me@anywhere.example', nodeIds: 2 }, free));
    expect(member.certificate.userName).toBe('me@anywhere.example');
    expect(member.certificate.nodeIds).toEqual(selfSignedNodeIds(publicKeyInfoOf(member.privateKey), 'sha256', 2, 16));
    free.publish({ selfSignedDigest: undefined });
    expect(await code(enroll(deps(), wanted({}, free)))).toBe('no-server');
    await free.close();
  });

  it('refuses user names that are none', async () => {
    expect(await code(enroll(deps(), wanted({ userName: 'alice' })))).toBe('bad-user-name');
  });
});

describe('what an enrollment server can do wrong', () => {
  let answer: (csr: string) => { status: number; type: string; body: Uint8Array | string };
  let rogue: RunningServer;
  let https: ReturnType<typeof createServer>;
  const seen: { method: string; headers: NodeJS.Dict<string | string[]>; url: string; body: string }[] = [];

  beforeAll(async () => {
    rogue = await runServer();
    const key = await generatePrivateKey('p-256');
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const certificate = await writeServerCertificate(
      { dns: ['home.example'], ip: [] },
      publicKeyInfoOf(key),
      rogue.overlay.root,
      validity,
    );
    https = createServer({ key: privateKeyToPem(key), cert: toPem(certificate) }, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('latin1');
        const { method = '', headers, url = '' } = request;
        seen.push({ method, headers, url, body });
        const { status, type, body: content } = answer(body);
        response.writeHead(status, { 'content-type': type }).end(content);
      });
    });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
    const { port } = https.address() as AddressInfo;
    rogue.publish({ enrollmentServers: [`https://localhost:${port}/some/path`] });
  });
  afterAll(async () => {
    https.close();
    await rogue.close();
  });

  const outcome = (status: number, type: string, body: Uint8Array | string) => {
    answer = () => ({ status, type, body });
    return code(enroll(deps(), wanted({}, rogue)));
  };

  it('R6940-11.3-05 R6940-11.3-11 R6940-11.3-06 R6940-11.3-10 is asked with the right headers and form, and nothing in the URL', async () => {
    await outcome(403, 'text/plain', 'bad_CSR');
    const { method, headers, url, body } = seen.at(-1)!;
    expect(method).toBe('POST');
    expect(url).toBe('/some/path');
    expect(headers.accept).toBe('application/pkix-cert');
    expect(headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(body).toMatch(/name="username"\r\n\r\nalice@home\.example\r\n/);
    expect(body).toMatch(/name="password"\r\n\r\nsecret\r\n/);
    expect(body).toMatch(/name="csr"; filename="request\.p10"\r\nContent-Type: application\/pkcs10\r\n\r\n0/);
    expect(body).not.toContain('nodeids');
  });

  it('R6940-11.3-27 is taken as a refusal for an unknown reason when its token is unknown', async () => {
    answer = () => ({ status: 403, type: 'text/plain', body: 'foo\x1b[2J' });
    await expect(enroll(deps(), wanted({}, rogue))).rejects.toMatchObject({
      fault: { code: 'refused', token: 'unknown' },
    });
  });

  it('is refused with odd statuses, types, and things that are no certificate', async () => {
    expect(await outcome(500, 'text/plain', 'failed_authentication')).toBe('http');
    expect(await outcome(302, 'text/html', '')).toBe('http');
    expect(await outcome(200, 'text/html', '<html>')).toBe('bad-answer');
    expect(await outcome(200, 'application/pkix-cert', 'junk')).toBe('malformed');
    expect(await outcome(200, 'application/pkix-cert', new Uint8Array(1_100_000))).toBe('bad-answer');
  });

  it('R6940-11.3-28 is refused with a certificate of another authority, or of one that is none', async () => {
    const key = await generatePrivateKey('p-256');
    const names = { overlayName: 'home.example', userName: 'alice@home.example', nodeIds: ['ab'.repeat(16) as never] };
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const foreign = await writeMemberCertificate(
      names,
      publicKeyInfoOf(key),
      await newRoot('home.example root', validity),
      validity,
    );
    expect(await outcome(200, 'application/pkix-cert', foreign)).toBe('untrusted-chain');
    const member = await rogue.overlay.identity('member');
    const byMember = await writeMemberCertificate(
      names,
      publicKeyInfoOf(key),
      { certificate: member.certificate.der, privateKey: member.privateKey },
      validity,
    );
    expect(await outcome(200, 'application/pkix-cert', byMember)).toBe('untrusted-chain');
  });

  it('is refused with a certificate for another key, another name or another overlay', async () => {
    expect(await outcome(200, 'application/pkix-cert', (await rogue.overlay.identity('alice')).certificate.der)).toBe(
      'bad-answer',
    );
    const other = await createTestOverlay({ clock: systemClock, name: 'other.example' });
    expect(await outcome(200, 'application/pkix-cert', (await other.identity('alice')).certificate.der)).toBe(
      'wrong-overlay',
    );
  });
});

describe('finding the configuration', () => {
  const overlayName = 'home.example';
  const trust = () => ({ certificate: server.overlay.root.certificate });

  it('R6940-11.2-02 R6940-11.2-03 asks DNS for _reload-config._tcp and goes to the target, in the name of the overlay', async () => {
    const asked: string[] = [];
    const records = [{ name: 'srv.elsewhere.example', port: server.port, priority: 1, weight: 0 }];
    const { signed } = await fetchFirstConfiguration(deps(asked, records), { overlayName, trust: trust() });
    expect(asked).toEqual(['_reload-config._tcp.home.example']);
    expect(signed.configuration.instanceName).toBe('home.example');
  });

  it('tries the targets by priority until one answers', async () => {
    const records = [
      { name: 'b.example', port: server.port, priority: 2, weight: 5 },
      { name: 'a.example', port: 1, priority: 1, weight: 5 },
    ];
    expect(await code(fetchFirstConfiguration(deps([], records), { overlayName, trust: trust() }))).toBe('done');
  });

  it('tries the overlay name itself when DNS has no record, and nothing when DNS says there is no server', async () => {
    const asked: string[] = [];
    const empty = fetchFirstConfiguration(deps(asked), { overlayName, trust: trust() });
    expect(await code(empty)).toBe('unreachable');
    expect(asked).toHaveLength(1);
    const none = [{ name: '.', port: 0, priority: 0, weight: 0 }];
    expect(await code(fetchFirstConfiguration(deps([], none), { overlayName, trust: trust() }))).toBe('no-server');
  });

  it('R6940-11.2-01 R6940-11.2-06 asks no DNS when a URL is given', async () => {
    const asked: string[] = [];
    await fetchFirstConfiguration(deps(asked), { overlayName, url: wanted().url, trust: trust() });
    expect(asked).toEqual([]);
  });

  it('R6940-11.2-04 wants the server certificate to match the host of a given URL', async () => {
    const url = `https://elsewhere.example:${server.port}/.well-known/reload-config`;
    expect(await code(fetchFirstConfiguration(deps(), { overlayName, url, trust: trust() }))).toBe('untrusted-server');
  });

  it('R6940-11.2-05 wants it to match the overlay name when found by DNS, the target does not do', async () => {
    const bySrv = await runServer({ dns: ['srv.elsewhere.example'] });
    const records = [{ name: 'srv.elsewhere.example', port: bySrv.port, priority: 1, weight: 0 }];
    const found = fetchFirstConfiguration(deps([], records), {
      overlayName,
      trust: { certificate: bySrv.overlay.root.certificate },
    });
    expect(await code(found)).toBe('untrusted-server');
    await bySrv.close();
  });

  it('R6940-4.1-01 goes to no clear-text URL', async () => {
    const url = `http://localhost:${server.port}/.well-known/reload-config`;
    expect(await code(fetchFirstConfiguration(deps(), { overlayName, url, trust: trust() }))).toBe('insecure-url');
  });

  it('R6940-11.2-07 discards a document of another overlay', async () => {
    const found = fetchFirstConfiguration(deps(), { overlayName: 'other.example', url: wanted().url, trust: trust() });
    expect(await code(found)).toBe('wrong-overlay');
  });

  it('believes neither a server nor a document under another root than the invitation names', async () => {
    const other = await createTestOverlay({ clock: systemClock });
    const fingerprint = await fingerprintOf(other.root.certificate);
    expect(
      await code(fetchFirstConfiguration(deps(), { overlayName, url: wanted().url, trust: { fingerprint } })),
    ).toBe('untrusted-server');
    expect(
      await code(
        fetchFirstConfiguration(deps(), {
          overlayName,
          url: wanted().url,
          trust: { certificate: other.root.certificate },
        }),
      ),
    ).toBe('untrusted-server');
  });

  it('says so when the server has no document', async () => {
    expect(
      await code(fetchFirstConfiguration(deps(), { overlayName, url: `${server.base}/nothing`, trust: trust() })),
    ).toBe('http');
  });
});

describe('invitations', () => {
  it('are refused when anything is missing', () => {
    const hash = 'ab'.repeat(32);
    for (const text of [
      '',
      'https://a.example/',
      `http://a.example/#home.example,sha256-${hash}`,
      `https://a.example/#home.example,sha256-${hash}0`,
      `https://a.example/#ho me,sha256-${hash}`,
      `https://a.example/#-,sha256-${hash}`,
    ])
      expect(() => parseInvitation(text), text).toThrow(/invitation/);
  });
});

describe('a member on disk', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'copperring-member-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('R6940-11.2-09 comes back as it was, without any network, one identity for each Node-ID', async () => {
    const member = await enroll(deps(), wanted({ nodeIds: 2 }));
    await saveMember(directory, member);
    const stored = await loadMember(directory);
    expect(stored.userName).toBe('alice@home.example');
    expect(stored.identities.map(({ nodeId }) => nodeId)).toEqual(member.certificate.nodeIds);
    expect(stored.configuration.current).toEqual(server.overlay.source.current);
    expect(Buffer.from(stored.configuration.bytes).equals(member.document)).toBe(true);
  });

  it('can be read by its owner only, leaves no half-written files, and is replaced whole', async () => {
    const member = await enroll(deps(), wanted());
    const inner = join(directory, 'inner');
    await saveMember(inner, member);
    await saveConfiguration(inner, member.document);
    const names = await readdir(inner);
    expect(names.sort()).toEqual(['identity.pem', 'overlay.relo', 'root.pem']);
    const modes = await Promise.all(
      [inner, ...names.map((name) => join(inner, name))].map(async (path) => (await stat(path)).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
  });

  it('is refused with a clear reason when missing, broken, or put together from two', async () => {
    expect(await code(loadMember(directory))).toBe('bad-identity');
    const [one, two] = [await enroll(deps(), wanted()), await enroll(deps(), wanted())];
    await saveMember(directory, one);
    const path = join(directory, 'identity.pem');
    const [key] = (await readFile(path, 'latin1')).split('-----BEGIN CERTIFICATE-----');
    await writeFile(path, key + toPem(two.certificate.der));
    await expect(loadMember(directory)).rejects.toThrow(/key that does not belong/);
    await writeFile(path, 'junk');
    expect(await code(loadMember(directory))).toBe('bad-identity');
  });
});
