import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { enrollMember, renewMember } from '#cli/enroll.ts';
import { banCommand, showCommand } from '#cli/overlay-admin.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { systemClock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { loadMember } from '#reload/enrollment/identity-directory.ts';
import { TlsTransport } from '#reload/link/tls/tls-transport.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { PASSWORD, TestOverlay } from './overlay.ts';

const overlay = new TestOverlay('ban.example');
const ALICE = 'alice@ban.example';
const BOB = 'bob@ban.example';
const printed: string[] = [];
const deps = { clock: systemClock, random: systemRandom, print: (line: string) => void printed.push(line) };
const enrolling = { ...deps, resolveSrv: async () => [] };
const authority = () => join(overlay.directory, 'authority');
const linksOf = (name: string) => memberOf(name).nodeStatus?.links.map(({ nodeId }) => nodeId) ?? [];
const nodes = new Map<string, Awaited<ReturnType<TestOverlay['run']>>>();

function memberOf(name: string) {
  const member = nodes.get(name)?.application.member;
  if (member === undefined) throw new Error(`${name} does not run`);
  return member;
}

/** How bob's port takes alice, who shows her own certificate as a node that knows of no ban would. */
async function dialAsAlice(): Promise<string> {
  const { identities, configuration } = await loadMember(join(overlay.directory, 'alice', 'identity'));
  const verifier = new CertificateVerifier({ clock: systemClock, configuration });
  const transport = new TlsTransport({ ...deps, log: silentLogger, identity: identities[0]!, verifier, configuration });
  const [address = '', port = ''] = (memberOf('bob').summary.bootstrap ?? '').split(':');
  try {
    const at = { type: 'ipv4', address, port: Number(port) } as const;
    const link = await transport.dialLink([at], undefined, AbortSignal.timeout(5000));
    // TLS 1.3 lets a client finish before the server has looked at its certificate.
    return await new Promise((resolve) => {
      const open = setTimeout(() => resolve('open'), 500);
      link.observe({
        message: () => {},
        suspect: () => {},
        closed: () => {
          clearTimeout(open);
          resolve('refused');
        },
      });
    });
  } catch {
    return 'refused';
  }
}

beforeAll(async () => {
  await overlay.create([ALICE, BOB]);
  for (const name of ['alice', 'bob'])
    nodes.set(name, await overlay.run(name, `${name}@ban.example`, { roles: ['peer'] }));
  await vi.waitFor(() => expect(linksOf('bob')).toContain(memberOf('alice').summary.node), { timeout: 15_000 });
});
afterAll(() => overlay.stop());

describe('the certificate of a running member', () => {
  it('R6940-8-01 is in the overlay under Node-ID and user name', async () => {
    const { node: nodeId } = memberOf('bob').summary;
    const stored = (kind: number, resource: string) =>
      memberOf('alice').countValues(resource, kind, AbortSignal.timeout(5000));
    const isStored = async () => {
      expect(await stored(KindId.certificateByNode, hashToResourceId(idBytes(nodeId!)))).toBe(1);
      expect(await stored(KindId.certificateByUser, hashToResourceId(BOB))).toBe(1);
    };
    await vi.waitFor(isStored, { timeout: 10_000, interval: 200 });
  });
});

describe('overlay ban', () => {
  it('shuts a running member out: its links close, its connections and requests are refused, it gets no certificate', async () => {
    const alice = memberOf('alice').summary.node;
    expect(await dialAsAlice()).toBe('open');
    await renewMember(enrolling, { out: join(overlay.directory, 'alice', 'identity'), keepKey: false });

    await banCommand(deps, { dir: authority(), user: ALICE, publish: join(overlay.directory, 'peer') });

    await vi.waitFor(() => expect(memberOf('bob').nodeStatus?.configurationSequence).toBe(1), { timeout: 10_000 });
    await vi.waitFor(() => expect(linksOf('bob')).not.toContain(alice), { timeout: 10_000 });
    expect(await dialAsAlice()).toBe('refused');
    const asked = memberOf('alice').countValues('00'.repeat(16), 3, AbortSignal.timeout(3000));
    expect(await asked.then(String, messageOf)).not.toBe('0');

    const out = join(overlay.directory, 'again');
    const anew = { user: ALICE, password: PASSWORD, invitation: overlay.invitation, out };
    await expect(enrollMember(enrolling, anew)).rejects.toMatchObject({ fault: { token: 'username_not_available' } });
    const identity = join(overlay.directory, 'alice', 'identity');
    await expect(renewMember(enrolling, { out: identity, keepKey: false })).rejects.toMatchObject({ code: 'refused' });
    await showCommand(deps, { dir: authority(), json: true });
    expect(JSON.parse(printed.at(-1)!)).toMatchObject({ sequence: 1, banned: [alice] });
    // Others are not concerned.
    await renewMember(enrolling, { out: join(overlay.directory, 'bob', 'identity'), keepKey: false });
  });

  it('refuses what is no document, is not newer, or is signed by nobody', async () => {
    const socket = controlPath(join(overlay.directory, 'peer'));
    for (const document of ['', 7, 'PGE+', Buffer.from('<overlay/>').toString('base64')])
      await expect(controlRequest(socket, { command: 'adopt', document })).rejects.toMatchObject({ code: 'refused' });
    expect(memberOf('bob').nodeStatus?.configurationSequence).toBe(1);
  });

  it('is lifted again: the user enrolls and gets the same Node-ID', async () => {
    const alice = memberOf('alice').summary.node;
    await banCommand(deps, { dir: authority(), user: ALICE, remove: true });
    const out = join(overlay.directory, 'again');
    await enrollMember(enrolling, { user: ALICE, password: PASSWORD, invitation: overlay.invitation, out });
    const { identities, configuration } = await loadMember(out);
    expect(identities[0]?.nodeId).toBe(alice);
    expect(configuration.current).toMatchObject({ sequence: 2, badNodes: [] });
  });
});
