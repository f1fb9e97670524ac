import { describe, expect, it } from 'vitest';
import { configSchema } from '#config/schema.ts';
import { Budgets } from '#gateway/budgets.ts';
import { LineDesk } from '#gateway/line-desk.ts';
import { LinePool } from '#gateway/line-pool.ts';
import { numberPlan } from '#gateway/number-plan.ts';
import { GatewayRouter, type OverlayCalls } from '#gateway/router.ts';
import { silentLogger } from '#platform/log.ts';
import type { Line, LineStatus } from '#pstn/line.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const ALICE = 'alice@home.example';
const IDLE: LineStatus = { state: 'idle', modem: 'm' };
const ABSENT: LineStatus = { state: 'absent', reason: 'unplugged' };

const target = (requestUri: string): RouteTarget => ({
  requestUri,
  open: () => Promise.reject(new Error('not opened here')),
});

interface World {
  readonly line?: LineStatus;
  readonly located?: Readonly<Record<string, readonly RouteTarget[]>>;
  readonly gateways?: readonly RouteTarget[];
  readonly registered?: readonly string[];
}

function router({ line, located = {}, gateways = [], registered = [] }: World): GatewayRouter {
  const config = configSchema.parse({
    line: [{ emulated: true, country: 'DE', serves: ['+49'] }],
    dial_plan: { allow: [{ callers: [ALICE], prefixes: ['+49'] }] },
  });
  const overlay: OverlayCalls = { locate: async (aor) => located[aor] ?? [], gateways: async () => gateways };
  const none = { calls_per_hour: undefined, minutes_per_day: undefined };
  const limits = { caller: config.dial_plan, total: none, lines: new Map() };
  const budgets = new Budgets({ clock: new VirtualClock() }, limits);
  const desks = config.line.map(
    (settings) =>
      new LineDesk(
        { line: { status: line } as Line, budgets, plan: numberPlan('DE') },
        { line: settings, dialPlan: config.dial_plan },
      ),
  );
  const lines = line && new LinePool(desks);
  return new GatewayRouter(
    { overlay, lines, isRegistered: (aor) => registered.includes(aor), log: silentLogger },
    { overlay: 'home.example', pstnDomain: 'pstn.home.example', plan: numberPlan('DE'), shortNumbers: [] },
  );
}

async function route(
  world: World,
  requestUri: string,
  options: { caller?: string; fromOverlay?: boolean; method?: string } = {},
) {
  const { caller = ALICE, fromOverlay = false, method = 'INVITE' } = options;
  const answer = await router(world).route({ method, requestUri, caller, fromOverlay }, new AbortController().signal);
  if (answer.kind === 'reject') return answer.status;
  return answer.kind === 'targets' ? answer.targets.map(({ requestUri: uri }) => uri) : answer.kind;
}

const NUMBER = 'sip:+4930123456@home.example';
const far = target('sip:+4930123456@pstn.home.example;user=phone');

describe('the router', () => {
  it('sends a user to a phone registered here, else to where the overlay knows it, else nowhere', async () => {
    const bob = 'sip:bob@home.example';
    expect(await route({ registered: ['bob@home.example'] }, bob)).toBe('registered');
    expect(await route({ located: { 'bob@home.example': [target(bob)] } }, bob)).toEqual([bob]);
    expect(await route({}, bob)).toBe(480);
    expect(await route({}, 'sip:bob@elsewhere.example')).toBe(404);
  });

  it('never sends a request of the overlay back into the overlay', async () => {
    const bob = 'sip:bob@home.example';
    const world = { located: { 'bob@home.example': [target(bob)] }, gateways: [far] };
    expect(await route(world, bob, { fromOverlay: true })).toBe(480);
    expect(await route(world, NUMBER, { fromOverlay: true })).toBe(404);
  });

  it('lets a subscriber of the overlay win over the own line, and that over other gateways', async () => {
    const subscriber = { located: { '+4930123456@home.example': [target('sip:bob@home.example')] } };
    expect(await route({ ...subscriber, line: IDLE, gateways: [far] }, NUMBER)).toEqual(['sip:bob@home.example']);
    expect(await route({ line: IDLE, gateways: [far] }, NUMBER)).toBe('local');
    expect(await route({ gateways: [far] }, NUMBER)).toEqual([far.requestUri]);
  });

  it('goes on to other gateways when the own line is busy or gone, denied, or does not serve the number', async () => {
    expect(await route({ line: ABSENT, gateways: [far] }, NUMBER)).toEqual([far.requestUri]);
    expect(await route({ line: IDLE, gateways: [far] }, NUMBER, { caller: 'bob@home.example' })).toEqual([
      far.requestUri,
    ]);
    expect(await route({ line: IDLE, gateways: [far] }, 'sip:+33123456789@home.example')).toEqual([far.requestUri]);
  });

  it('says why when nothing is left', async () => {
    expect(await route({ line: ABSENT }, NUMBER)).toBe(503);
    expect(await route({ line: IDLE }, NUMBER, { caller: 'bob@home.example' })).toBe(403);
    expect(await route({}, NUMBER)).toBe(404);
    expect(await route({}, 'sip:112@home.example')).toBe(403);
    expect(await route({ line: IDLE }, 'sip:112@home.example')).toBe(403);
    expect(await route({ line: IDLE }, NUMBER, { method: 'MESSAGE' })).toBe(405);
    expect(await route({}, 'mailto:bob@home.example')).toBe(484);
  });

  it('answers a peer by its certificate’s rights on the own line', async () => {
    expect(await route({ line: IDLE }, NUMBER, { fromOverlay: true })).toBe('local');
    expect(await route({ line: IDLE }, NUMBER, { fromOverlay: true, caller: 'mallory@home.example' })).toBe(403);
    expect(await route({ line: ABSENT }, NUMBER, { fromOverlay: true })).toBe(503);
  });

  it('answers 503 when the overlay cannot be asked', async () => {
    const overlay = {
      locate: () => Promise.reject(new Error('timeout')),
      gateways: () => Promise.reject(new Error('timeout')),
    };
    const broken = new GatewayRouter(
      { overlay, lines: undefined, isRegistered: () => false, log: silentLogger },
      { overlay: 'home.example', pstnDomain: 'pstn.home.example', plan: numberPlan('DE'), shortNumbers: [] },
    );
    const question = { method: 'INVITE', requestUri: NUMBER, caller: ALICE, fromOverlay: false };
    expect(await broken.route(question, new AbortController().signal)).toMatchObject({ kind: 'reject', status: 503 });
  });
});
