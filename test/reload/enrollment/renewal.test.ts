import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { equalBytes } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { type EnrolledMember, enroll } from '#reload/enrollment/enroll.ts';
import type { FetchDeps } from '#reload/enrollment/fetch-configuration.ts';
import { publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { fetchNewerDocument, renewCertificate } from '#reload/enrollment/renew.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { selfSignedNodeIds } from '#reload/security/self-signed.ts';
import { type RunningServer, runServer } from './running-server.ts';

const deps: FetchDeps = { clock: systemClock, random: systemRandom, resolveSrv: async () => [] };
let server: RunningServer;
let member: EnrolledMember;
beforeAll(async () => {
  server = await runServer();
  member = await enrolled(server, 2);
});
afterAll(() => server.close());

const enrolled = (at: RunningServer, nodeIds = 1, userName = 'alice@home.example') =>
  enroll(deps, {
    overlayName: 'home.example',
    url: `${at.base}/.well-known/reload-config`,
    trust: { certificate: at.overlay.root.certificate },
    userName,
    password: 'secret',
    nodeIds,
  });

const renewing = (own = member, at = server) => ({
  identity: { certificate: own.certificate, privateKey: own.privateKey, chain: [] },
  configuration: at.overlay.source,
});

const fault = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (reason: { fault?: { code?: string; token?: string } }) => reason.fault?.token ?? reason.fault?.code ?? reason,
  );

describe('renewal of a certificate', () => {
  it('gives the same Node-IDs and user name under a new key, without any password', async () => {
    const { certificate, privateKey } = await renewCertificate(deps, renewing());
    expect(certificate.nodeIds).toEqual(member.certificate.nodeIds);
    expect(certificate.userName).toBe('alice@home.example');
    const keys = [member.privateKey, privateKey, certificate.publicKey].map(publicKeyInfoOf);
    expect(equalBytes(keys[1]!, keys[2]!)).toBe(true);
    expect(equalBytes(keys[0]!, keys[1]!)).toBe(false);
    const verifier = server.overlay.verifier();
    // Whoever remembers the old one takes both: what is remembered goes by the whole certificate, not by the Node-ID.
    for (const { der } of [member.certificate, certificate, member.certificate])
      expect(verifier.checkCertificate(der, []).fingerprint).toBe(createHash('sha256').update(der).digest('hex'));
  });

  it('keeps the key when told so', async () => {
    const { privateKey } = await renewCertificate(deps, { ...renewing(), keepKey: true });
    expect(equalBytes(publicKeyInfoOf(privateKey), publicKeyInfoOf(member.privateKey))).toBe(true);
  });

  it('is refused to a certificate of another authority, to an ended one and to a bad node', async () => {
    const other = await runServer();
    const stranger = await enrolled(other);
    expect(await fault(renewCertificate(deps, renewing(stranger)))).toBe('failed_authentication');
    await other.close();
    const bad = { badNodes: [member.certificate.nodeIds[1]!] };
    server.publish(bad);
    expect(await fault(renewCertificate(deps, renewing()))).toBe('failed_authentication');
    server.publish({ badNodes: [] });
    const clock = { ...systemClock, now: () => member.certificate.notAfter + 1000 };
    expect(await fault(renewCertificate({ ...deps, clock }, renewing()))).toBe('expired');
    expect(await fault(renewCertificate(deps, renewing()))).toBe('done');
  });

  it("is refused for a Node-ID that is not the account's, and for a user without account", async () => {
    const stray = await server.overlay.identity('alice');
    expect(await fault(renewCertificate(deps, renewing({ ...member, ...stray })))).toBe('failed_authentication');
    const nobody = await server.overlay.identity('nobody');
    expect(await fault(renewCertificate(deps, renewing({ ...member, ...nobody })))).toBe('failed_authentication');
  });

  it('is refused to a banned user, who cannot enroll anew either', async () => {
    await server.accounts.setBanned('alice@home.example', true);
    expect(await fault(renewCertificate(deps, renewing()))).toBe('username_not_available');
    expect(await fault(enrolled(server))).toBe('username_not_available');
    await server.accounts.setBanned('alice@home.example', false);
    expect(await fault(renewCertificate(deps, renewing()))).toBe('done');
  });

  it('needs the key: the certificate alone, which everybody has, gets nothing', async () => {
    const { privateKey } = await enrolled(server);
    await expect(renewCertificate(deps, renewing({ ...member, privateKey }))).rejects.toThrow();
  });

  it('makes another certificate of its own where nobody else issues them, by the same key', async () => {
    const free = await runServer({ configuration: { selfSignedDigest: 'sha256', enrollmentServers: [] } });
    const own = await enrolled(free, 2, 'me@anywhere.example');
    const { certificate, privateKey } = await renewCertificate(deps, renewing(own, free));
    expect(certificate.nodeIds).toEqual(selfSignedNodeIds(publicKeyInfoOf(privateKey), 'sha256', 2, 16));
    expect(certificate.nodeIds).toEqual(own.certificate.nodeIds);
    const clock = { ...systemClock, now: () => own.certificate.notAfter + 86_400_000 };
    const late = await renewCertificate({ ...deps, clock }, renewing(own, free));
    expect(late.certificate.notAfter).toBeGreaterThan(clock.now());
    await free.close();
  });

  it('finds a newer document at the server beforehand, and none when there is none', async () => {
    const inForce = new CurrentConfiguration(readDocument(server.overlay.source.bytes));
    expect(await fetchNewerDocument(deps, inForce)).toBeUndefined();
    const { sequence } = server.overlay.source.current;
    server.publish({ sequence: sequence + 1 });
    const found = await fetchNewerDocument(deps, inForce);
    expect(readDocument(found!).configuration.sequence).toBe(sequence + 1);
  });
});
