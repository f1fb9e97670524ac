import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { writeForm } from '#reload/enrollment/multipart.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { ask, askInClear, type RunningServer, runServer } from './running-server.ts';

let server: RunningServer;
let csr: Uint8Array;
beforeAll(async () => {
  server = await runServer();
  csr = await writeCertificateRequest('alice@home.example', await generatePrivateKey('p-256'));
});
afterAll(() => server.close());

function enrollBy(fields: Readonly<Record<string, string | Uint8Array>>) {
  const { contentType, body } = writeForm(
    'b0undary',
    new Map(Object.entries(fields).map(([name, data]) => [name, { data }])),
  );
  return ask(server, '/enroll', {
    method: 'POST',
    body,
    headers: { 'content-type': contentType, accept: 'application/pkix-cert, */*' },
  });
}

const good = () => ({ username: 'alice@home.example', password: 'secret', csr });

describe('the enrollment server', () => {
  it('R6940-14.1-01 serves the document byte for byte under the well-known path', async () => {
    const answer = await ask(server, '/.well-known/reload-config');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/p2p-overlay+xml');
    expect(answer.body.equals(server.overlay.source.bytes)).toBe(true);
  });

  it('R6940-14.16-02 does not serve a document with a shared secret to everyone', async () => {
    const secret = await runServer({ configuration: { sharedSecret: 'x', enrollmentServers: [] } });
    expect((await ask(secret, '/.well-known/reload-config')).status).toBe(403);
    await secret.close();
  });

  it('R6940-11.3-25 answers 200 with one bare DER certificate as application/pkix-cert', async () => {
    const answer = await enrollBy(good());
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/pkix-cert');
    expect(readCertificate(answer.body).userName).toBe('alice@home.example');
  });

  it('R6940-11.3-26 answers 403 with one token of the RFC as text/plain for each kind of failure', async () => {
    const other = await writeCertificateRequest('bob@home.example', await generatePrivateKey('p-256'));
    const tokens = await Promise.all(
      [
        { ...good(), password: 'no' },
        { ...good(), csr: other },
        { ...good(), nodeids: '1000' },
        { ...good(), csr: 'junk' },
      ].map(enrollBy),
    );
    expect(tokens.map(({ status, headers, body }) => [status, headers['content-type'], body.toString()])).toEqual([
      [403, 'text/plain', 'failed_authentication'],
      [403, 'text/plain', 'username_not_available'],
      [403, 'text/plain', 'Node-IDs_not_available'],
      [403, 'text/plain', 'bad_CSR'],
    ]);
  });

  it('R6940-11.3-10 answers bad_CSR when the form has no request, and failed_authentication when it has no credentials', async () => {
    expect((await enrollBy({ username: 'alice@home.example', password: 'secret' })).body.toString()).toBe('bad_CSR');
    expect((await enrollBy({ csr })).body.toString()).toBe('failed_authentication');
    const notUtf8 = await enrollBy({ ...good(), username: Uint8Array.of(0xff, 0xfe) });
    expect(notUtf8.body.toString()).toBe('failed_authentication');
  });

  it('R6940-11.3-05 takes nothing but a POST of multipart/form-data', async () => {
    const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await ask(server, '/enroll')).status).toBe(405);
    expect(
      (
        await ask(server, '/enroll?username=alice&password=secret', {
          method: 'POST',
          headers: urlencoded,
          body: Buffer.from('a=b'),
        })
      ).status,
    ).toBe(415);
    expect((await ask(server, '/.well-known/reload-config', { method: 'POST' })).status).toBe(405);
    expect((await ask(server, '/other')).status).toBe(404);
  });

  it('R6940-11.3-03 has no clear-text side', async () => {
    expect(await askInClear(server.port)).not.toMatch(/^HTTP\/1.1 2/);
  });

  it('refuses bodies beyond its limit without reading them all', async () => {
    const outcome = await enrollBy({ ...good(), padding: new Uint8Array(200_000) }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    expect([413, 'cut off']).toContain(outcome);
    expect((await enrollBy(good())).status).toBe(200);
  });

  it('survives a body that is no form and a connection that ends in the middle', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' };
    expect(
      (await ask(server, '/enroll', { method: 'POST', headers, body: Buffer.from('--x\r\n'.repeat(5000)) })).status,
    ).toBe(415);
    await expect(
      ask(server, '/enroll', {
        method: 'POST',
        headers: { ...headers, 'content-length': '5' },
        body: Buffer.from('--x--too long'),
      }),
    ).resolves.toBeDefined();
    expect((await enrollBy(good())).status).toBe(200);
  });

  it('stops asking scrypt once an address has failed too often, and takes not even the right password then', async () => {
    const guarded = await runServer();
    const form = (password: string) => {
      const { contentType, body } = writeForm(
        'b',
        new Map(Object.entries({ ...good(), password }).map(([name, data]) => [name, { data }])),
      );
      return ask(guarded, '/enroll', { method: 'POST', body, headers: { 'content-type': contentType } });
    };
    for (let i = 0; i < 5; i++) expect((await form('guess')).headers['retry-after']).toBeUndefined();
    const blocked = await form('secret');
    expect([blocked.status, blocked.body.toString(), blocked.headers['retry-after']]).toEqual([
      403,
      'failed_authentication',
      '60',
    ]);
    await guarded.close();
  });
});
