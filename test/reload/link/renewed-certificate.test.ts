import { expect, it } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { RenewableIdentity } from '#reload/security/renewable-identity.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import { tls } from './tls-world.ts';
import { Recorder } from './transport-contract.ts';

it('a renewed certificate is shown in the next handshake, dialled or taken; an open link stays open', async () => {
  const overlay = await createTestOverlay({ clock: systemClock });
  const signal = AbortSignal.timeout(10_000);
  const [a, b] = [await overlay.identity('alice'), await overlay.identity('bob')];
  const alice = new RenewableIdentity(a);
  const [at, bt] = [tls(overlay, alice), tls(overlay, b)];
  const taken: { readonly peer: { readonly fingerprint: string } }[] = [];
  const [la, lb] = [
    await at.listen({ host: '127.0.0.1', port: 0 }, () => {}),
    await bt.listen({ host: '127.0.0.1', port: 0 }, (link) => {
      taken.push(link);
      const heard = new Recorder(link);
      heard.closed.catch(() => {});
    }),
  ];
  const toBob = () => at.dialLink(lb.addresses.slice(0, 1), b.nodeId, signal);
  const toAlice = () => bt.dialLink(la.addresses.slice(0, 1), a.nodeId, signal);
  const before = await toBob();
  const first = await toAlice();
  expect(first.peer.fingerprint).toBe(a.certificate.fingerprint);
  const recorded = new Recorder(before);

  const renewed = await overlay.identity('alice', { nodeId: a.nodeId });
  alice.renew(renewed);

  const second = await toAlice();
  expect(second.peer.fingerprint).toBe(renewed.certificate.fingerprint);
  const after = await toBob();
  await expect
    .poll(() => taken.map(({ peer }) => peer.fingerprint))
    .toEqual([a.certificate.fingerprint, renewed.certificate.fingerprint]);
  // The renewal closes nothing.
  expect(await Promise.race([recorded.closed, Promise.resolve('open')])).toBe('open');
  for (const link of [before, first, second, after]) link.close();
  await Promise.all([la.close(), lb.close()]);
});
