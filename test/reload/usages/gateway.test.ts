import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { type GatewayCandidate, GatewayDirectory } from '#reload/usages/pstn-gateway/gateway-directory.ts';
import { gatewayNamespaces, isGatewayName, searchNamespaces } from '#reload/usages/pstn-gateway/gateway-names.ts';
import { type GatewayDescription, GatewayPublisher } from '#reload/usages/pstn-gateway/gateway-publisher.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing } from '../storage/storage-ring.ts';

let clock: VirtualClock;
let ring: StorageRing;
let caller: Member;

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 4 });
  caller = await node('caller', '30');
});
afterEach(() => ring.stop());

async function node(user: string, first: string): Promise<Member> {
  return ring.clientOf(await ring.overlay.identity(user, { nodeId: first.padEnd(32, '1') as NodeId }));
}

const prefix = (digits: string, priority = 0, cost = 0) => ({ digits, priority, cost });

function describeGateway(more: Partial<GatewayDescription> = {}): GatewayDescription {
  return { outbound: true, inbound: true, emergency: false, capacity: 1, prefixes: [prefix('')], ...more };
}

function publisherOf({ client }: Member, description = describeGateway()): GatewayPublisher {
  const deps = { records: client, configuration: ring.overlay.source, clock, log: silentLogger };
  return new GatewayPublisher(deps, { description });
}

async function publish(user: string, first: string, description?: GatewayDescription) {
  const member = await node(user, first);
  const publisher = publisherOf(member, description);
  await clock.run(publisher.start());
  expect(publisher.isPublished).toBe(true);
  return { ...member, publisher };
}

async function find(number: string | undefined, limit = 20): Promise<GatewayCandidate[]> {
  const directory = new GatewayDirectory({
    records: caller.client,
    configuration: ring.overlay.source,
    random: new SeededRandom('gateways'),
    log: silentLogger,
  });
  const collect = async () => {
    const found: GatewayCandidate[] = [];
    for await (const candidate of directory.find(number)) {
      found.push(candidate);
      if (found.length >= limit) break;
    }
    return found;
  };
  return clock.run(collect());
}

const ids = (candidates: readonly GatewayCandidate[]) => candidates.map(({ nodeId }) => nodeId.slice(0, 2));

describe('gateway namespaces', () => {
  const rules = { gatewayPrefixLengths: [0, 1, 2, 3], pstnDomain: 'pstn.home.example' };

  it('are the common one and the longest allowed for each prefix', () => {
    expect(gatewayNamespaces(['', '4930', '44', '1'], rules)).toEqual([
      'x-pstn-gateway',
      'x-pstn-gateway:+493',
      'x-pstn-gateway:+44',
      'x-pstn-gateway:+1',
    ]);
  });

  it('are searched from the longest prefix to the common one', () => {
    expect(searchNamespaces('4930123456', rules)).toEqual([
      'x-pstn-gateway:+493',
      'x-pstn-gateway:+49',
      'x-pstn-gateway:+4',
      'x-pstn-gateway',
    ]);
    expect(searchNamespaces('', rules)).toEqual(['x-pstn-gateway']);
    expect(searchNamespaces('49', { ...rules, gatewayPrefixLengths: [0, 6] })).toEqual(['x-pstn-gateway']);
  });

  it('trust names of the gateway domain only', () => {
    expect(isGatewayName('gw1@pstn.home.example', rules)).toBe(true);
    expect(isGatewayName('gw1@PSTN.home.example', rules)).toBe(true);
    for (const name of ['gw1@home.example', 'gw1@x.pstn.home.example', 'pstn.home.example', '@pstn.home.example']) {
      expect(isGatewayName(name, rules)).toBe(false);
    }
  });
});

describe('PSTN gateways', () => {
  it('R7890-2.1-04 R7890-2.1-03 announce themselves and are found without configuration', async () => {
    const gateway = await publish('gw1@pstn.home.example', '80');
    expect(await find('+493012345')).toEqual([
      {
        nodeId: gateway.nodeId,
        userName: 'gw1@pstn.home.example',
        destinations: [{ type: 'node', id: gateway.nodeId }],
        namespace: 'x-pstn-gateway',
        prefix: prefix(''),
        capacity: 1,
        emergency: false,
        contactPrefs: '',
      },
    ]);
    expect(ids(await find(undefined))).toEqual(['80']);
  });

  it('are tried by longest prefix, then from the place of the caller on', async () => {
    await publish('gw1@pstn.home.example', '20');
    await publish('gw2@pstn.home.example', '80');
    await publish('gw3@pstn.home.example', 'd0', describeGateway({ prefixes: [prefix('4930'), prefix('49', 1)] }));
    expect(ids(await find('+493012345'))).toEqual(['d0', '80', '20']);
    expect((await find('+493012345'))[0]?.prefix).toEqual(prefix('4930'));
    expect((await find('+498912345'))[0]?.prefix).toEqual(prefix('49', 1));
    expect(ids(await find('+1555'))).toEqual(['80', '20']);
  });

  it('are looked for only as far as the caller needs', async () => {
    for (const [i, first] of ['20', '80', 'd0'].entries()) await publish(`gw${i}@pstn.home.example`, first);
    ring.trace.length = 0;
    await find('+1555', 1);
    const one = ring.trace.length;
    ring.trace.length = 0;
    await find('+1555');
    expect(one).toBeLessThan(ring.trace.length);
  });

  it('are not believed when their certificate is not of the gateway domain', async () => {
    const impostor = await node('mallory', '40');
    await expect(publisherOf(impostor).start()).rejects.toMatchObject({ fault: { code: 'not-a-gateway-name' } });
    const { current } = ring.overlay.source;
    const lenient = { ...ring.overlay.source, current: { ...current, pstnDomain: 'home.example' } };
    const deps = {
      records: impostor.client,
      configuration: { ...lenient, bytes: new Uint8Array(), onChange: () => {} },
      clock,
      log: silentLogger,
    };
    await clock.run(new GatewayPublisher(deps, { description: describeGateway() }).start());
    await publish('gw1@pstn.home.example', '80');
    expect(ids(await find('+1555'))).toEqual(['80']);
  });

  it('are passed over when they take no outbound calls or serve other prefixes, and come last when busy', async () => {
    await publish('gw1@pstn.home.example', '40', describeGateway({ outbound: false }));
    await publish('gw2@pstn.home.example', '50', describeGateway({ prefixes: [prefix('44')] }));
    const busy = await publish('gw3@pstn.home.example', '60');
    await publish('gw4@pstn.home.example', '70');
    await clock.run(busy.publisher.update(describeGateway({ capacity: 0 })));
    expect(ids(await find('+1555'))).toEqual(['70', '60']);
  });

  it('follow a change of their prefixes', async () => {
    const { publisher } = await publish('gw1@pstn.home.example', '80', describeGateway({ prefixes: [prefix('49')] }));
    expect((await find('+49301'))[0]?.namespace).toBe('x-pstn-gateway:+49');
    await clock.run(publisher.update(describeGateway({ prefixes: [prefix('44')] })));
    expect(await find('+49301')).toEqual([]);
    expect((await find('+44201'))[0]?.namespace).toBe('x-pstn-gateway:+44');
  });

  it('are gone when they stop, and after their lifetime when they vanish', async () => {
    const { publisher } = await publish('gw1@pstn.home.example', '80');
    await clock.run(publisher.stop());
    expect(await find('+1555')).toEqual([]);
    expect(publisher.isPublished).toBe(false);
    const vanishing = await publish('gw2@pstn.home.example', '90');
    await clock.advance(1_200_000);
    expect(ids(await find('+1555'))).toEqual(['90']);
    ring.dead.add(vanishing.nodeId);
    await clock.advance(601_000);
    expect(await find('+1555')).toEqual([]);
  });

  it('are found again at once when they come back with the same Node-ID', async () => {
    const first = await publish('gw1@pstn.home.example', '80');
    await clock.run(first.publisher.stop());
    const again = publisherOf(first);
    await clock.run(again.start());
    expect(ids(await find('+1555'))).toEqual(['80']);
  });
});
