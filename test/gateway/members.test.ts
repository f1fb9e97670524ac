import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { phoneMember } from '#gateway/members.ts';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { saveMember } from '#reload/enrollment/identity-directory.ts';
import { type RunningServer, runServer } from '../reload/enrollment/running-server.ts';

const HOUR = 3_600_000;
let directory: string;
let server: RunningServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-members-'));
  server = await runServer();
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

describe('the identity of a phone', () => {
  /** As a gateway gets it whose clock shows `now`. */
  const member = async (now = Date.now(), password = 'secret') => {
    const deps = { clock: { ...systemClock, now: () => now }, random: systemRandom };
    const account = { user: 'alice@home.example', password, overlay: server.overlay.source };
    const { identities } = await phoneMember(deps, join(directory, 'alice'), account);
    const [first] = identities;
    if (first === undefined) throw new Error('it holds no Node-ID');
    return first;
  };

  it('is stored, and used until a day before its certificate ends; then it is enrolled anew with the same Node-ID', async () => {
    const first = await member();
    const { notAfter, fingerprint } = first.certificate;
    expect((await member(notAfter - 25 * HOUR, 'not asked for')).certificate.fingerprint).toBe(fingerprint);
    const renewed = await member(notAfter - 23 * HOUR);
    expect(renewed.certificate.fingerprint).not.toBe(fingerprint);
    expect(renewed.nodeId).toBe(first.nodeId);
    expect((await member()).certificate.fingerprint).toBe(renewed.certificate.fingerprint);
  });

  it('is used on its last day when it cannot be renewed, but not after that', async () => {
    const { certificate } = await member();
    await server.close();
    expect((await member(certificate.notAfter - HOUR)).certificate.fingerprint).toBe(certificate.fingerprint);
    await expect(member(certificate.notAfter + HOUR)).rejects.toThrow(/alice@home.example cannot be enrolled/);
  });

  it('is obtained anew in place of one whose certificate has ended', async () => {
    const old = await server.overlay.identity('alice', { validityDays: -1 });
    const root = server.overlay.root.certificate;
    await saveMember(join(directory, 'alice'), { ...old, root, document: server.overlay.source.bytes });
    const { certificate } = await member();
    expect(certificate.fingerprint).not.toBe(old.certificate.fingerprint);
    expect(certificate.notAfter).toBeGreaterThan(Date.now());
  });
});
