import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CredentialKeeper, type CredentialReport } from '#gateway/credential-keeper.ts';
import { Credentials } from '#gateway/credentials.ts';
import { EventHub, type GatewayEvent } from '#gateway/events.ts';
import { enrollPhone } from '#gateway/members.ts';
import { systemClock } from '#platform/clock.ts';
import { type Logger, silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { enroll } from '#reload/enrollment/enroll.ts';
import { loadMember, saveMember } from '#reload/enrollment/identity-directory.ts';
import { RenewableIdentity } from '#reload/security/renewable-identity.ts';
import { type RunningServer, runServer } from '../reload/enrollment/running-server.ts';

const DAY = 86_400_000;
const USER = 'alice@home.example';
/** The system's timers, and a date that the test sets. */
const clock = { ...systemClock, offset: 0, now: () => Date.now() + clock.offset };
let directory: string;
let server: RunningServer;
let reports: CredentialReport[];
let warnings: string[];
let errors: string[];
let keeper: CredentialKeeper | undefined;
const log: Logger = {
  ...silentLogger,
  warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  error: (message, fields) => void errors.push(`${message} ${JSON.stringify(fields)}`),
};
const deps = { clock, random: systemRandom, log };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'copperring-keeper-'));
  server = await runServer();
  clock.offset = 0;
  reports = [];
  warnings = [];
  errors = [];
  const member = await enroll(
    { ...deps, resolveSrv: async () => [] },
    {
      overlayName: 'home.example',
      url: `${server.base}/.well-known/reload-config`,
      trust: { certificate: server.overlay.root.certificate },
      userName: USER,
      password: 'secret',
    },
  );
  await saveMember(directory, member);
});
afterEach(async () => {
  await keeper?.stop();
  await server.close();
  await rm(directory, { recursive: true });
});

const eventually = (condition: () => void) => vi.waitFor(condition, { timeout: 5000, interval: 20 });

/** A node in all that concerns its keeper, and its keeper, who looks often. */
async function keep(enrollAnew?: () => Promise<void>) {
  const [identity] = (await loadMember(directory)).identities;
  const renewable = new RenewableIdentity(identity!);
  const node = {
    nodeId: identity!.nodeId,
    get identity() {
      return renewable.current;
    },
    renewIdentity: (renewed: typeof renewable) => renewable.renew(renewed),
    adoptConfiguration: () => {},
  };
  const opened = { node, configuration: server.overlay.source };
  const tell = (report: CredentialReport) => void reports.push(report);
  const again = enrollAnew === undefined ? {} : { enrollAnew };
  keeper = new CredentialKeeper(node as never, { ...deps, opened, tell, ...again }, { directory, lookMs: 10 });
  keeper.start();
  await eventually(() => expect(reports.length).toBeGreaterThan(0));
  return { node, current: () => renewable.current, first: identity! };
}

describe('the keeper of a certificate', () => {
  it('R6940-13.3-03 renews it in the last third of its life while the node runs: same Node-ID, new key, on disk first', async () => {
    const { node, first } = await keep();
    expect(reports).toMatchObject([{ user: USER, state: 'valid' }]);
    const day = ((reports[0]?.renewAt ?? 0) - first.certificate.notBefore) / DAY;
    expect(day).toBeGreaterThanOrEqual(365 * (2 / 3) - 0.001);
    expect(day).toBeLessThanOrEqual(365 * (5 / 6));
    clock.offset = 305 * DAY;
    await eventually(() => expect(node.identity.certificate.fingerprint).not.toBe(first.certificate.fingerprint));
    // The server's date is today's, so that what it issues is due again by this clock: no further look may be going on.
    await keeper?.stop();
    expect(node.identity.nodeId).toBe(first.nodeId);
    expect(node.identity.privateKey.equals(first.privateKey)).toBe(false);
    const [stored] = (await loadMember(directory)).identities;
    expect(stored?.certificate.fingerprint).toBe(node.identity.certificate.fingerprint);
    expect((await stat(join(directory, 'identity.pem'))).mode & 0o777).toBe(0o600);
    expect((await readdir(directory)).sort()).toEqual(['identity.pem', 'overlay.relo', 'root.pem']);
  });

  it('tells when the renewal fails again and again, when the end comes near, and when it is there', async () => {
    const { node, first } = await keep();
    await server.close();
    for (let days = 305; days < 309; days++) {
      clock.offset = days * DAY;
      await eventually(() =>
        expect(warnings.filter((line) => line.includes('not renewed; trying')).length).toBe(days - 304),
      );
    }
    await eventually(() => expect(reports.at(-1)?.state).toBe('failing'));
    clock.offset = 330 * DAY;
    await eventually(() => expect(reports.at(-1)?.state).toBe('ending'));
    clock.offset = 366 * DAY;
    await eventually(() => expect(reports.at(-1)?.state).toBe('expired'));
    expect(reports.at(-1)?.reason).toMatch(/no answer/);
    expect(warnings.at(-1)).toMatch(/ended at .*enroll again with the password into/);
    expect(node.identity).toBe(node.identity);
    expect(first.certificate.fingerprint).toBe(node.identity.certificate.fingerprint);
    expect(warnings.join()).not.toMatch(/PRIVATE|secret/);
  });

  it('takes what a person puts into the folder by hand, after the end too', async () => {
    const { node } = await keep();
    clock.offset = 400 * DAY;
    await eventually(() => expect(reports.at(-1)?.state).toBe('expired'));
    const fresh = await server.overlay.identity('alice', { nodeId: node.nodeId, validityDays: 800 });
    await saveMember(directory, {
      ...fresh,
      root: server.overlay.root.certificate,
      document: server.overlay.source.bytes,
    });
    await eventually(() => expect(reports.at(-1)?.state).toBe('valid'));
    expect(node.identity.certificate.fingerprint).toBe(fresh.certificate.fingerprint);
  });

  it('looks again after whatever went wrong at one look', async () => {
    const { node, current, first } = await keep();
    let refused = 0;
    vi.spyOn(node, 'identity', 'get').mockImplementation(() => {
      if (refused++ < 2) throw new Error('out of order');
      return current();
    });
    clock.offset = 305 * DAY;
    await eventually(() => expect(current().certificate.fingerprint).not.toBe(first.certificate.fingerprint));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/looking again.*out of order/);
  });

  it('leaves an identity of another node alone', async () => {
    const { node, first } = await keep();
    const other = await server.overlay.identity('alice');
    await saveMember(directory, { ...other, root: other.certificate.der, document: server.overlay.source.bytes });
    await eventually(() => expect(warnings.join()).toMatch(/another Node-ID/));
    expect(node.identity.certificate.fingerprint).toBe(first.certificate.fingerprint);
  });

  it('enrolls a phone anew by its password when nothing else helps', async () => {
    const account = { user: USER, password: 'secret', overlay: server.overlay.source };
    const { node, first } = await keep(() => enrollPhone({ ...deps, clock: systemClock }, directory, account));
    clock.offset = 366 * DAY;
    await eventually(() => expect(node.identity.certificate.fingerprint).not.toBe(first.certificate.fingerprint));
    expect(node.identity.nodeId).toBe(first.nodeId);
  });

  it('waits while the clock is before the beginning, and goes on when it is right', async () => {
    clock.offset = -30 * DAY;
    const { node, first } = await keep();
    expect(reports).toMatchObject([{ state: 'not-yet-valid' }]);
    clock.offset = 305 * DAY;
    await eventually(() => expect(node.identity.certificate.fingerprint).not.toBe(first.certificate.fingerprint));
    clock.offset = 0;
    await eventually(() => expect(reports.at(-1)?.state).toBe('valid'));
  });
});

describe('the start of a node', () => {
  const opening = () => {
    const events: GatewayEvent[] = [];
    const hub = new EventHub(silentLogger);
    hub.on((event) => events.push(event));
    const credentials = new Credentials({ ...deps, events: hub });
    return { credentials, events, member: credentials.ownMember(directory, 'home.example') };
  };

  it.each([
    ['is years behind, as a Pi without a battery', -3000, 'not-yet-valid', /clock is before/],
    ['is far in the future', 3000, 'expired', /ended at/],
  ])('waits as long as the clock %s, and says so', async (_, days, state, advice) => {
    clock.offset = days * DAY;
    const { credentials, events, member } = opening();
    await eventually(() => expect(events).toMatchObject([{ event: 'credentials', state }]));
    expect(credentials.reports).toMatchObject([{ user: USER, state }]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(advice);
    clock.offset = 0;
    expect((await member).userName).toBe(USER);
    expect(credentials.reports).toEqual([]);
    await credentials.stop();
  });

  it('ends the waiting when it is told to stop', async () => {
    clock.offset = -3000 * DAY;
    const { credentials, events, member } = opening();
    await eventually(() => expect(events).toHaveLength(1));
    await credentials.stop();
    await expect(member).rejects.toThrow('stopping');
  });

  it('still fails at once without an identity, or with one of another overlay', async () => {
    const { credentials } = opening();
    await expect(credentials.ownMember(join(directory, 'none'), undefined)).rejects.toThrow(/copperring enroll/);
    await expect(credentials.ownMember(directory, 'other.example')).rejects.toThrow(/belongs to home.example/);
    await credentials.stop();
  });
});
