import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPeerProgram } from '../../../support/peer-processes.ts';

/** A cable of which both ends are here, in a network that ends with its last process. */
const NETWORK = [
  'ip link set lo up',
  'ip link add near type veth peer name far',
  'ip link set near addrgenmode none',
  'ip link set far addrgenmode none',
  'ip link set near up',
  'ip link set far up',
  'ip addr add 10.60.0.1/24 dev near',
  'ip -6 addr add fd00:60::1/64 dev near nodad',
  'ip -6 addr add fe80::60/64 dev near nodad',
].join(' && ');

const inNetwork = (command: string) => ['-rn', 'sh', '-c', `${NETWORK} && ${command}`];

describe.skipIf(spawnSync('unshare', inNetwork('true')).status !== 0)('peers on a network of their own', () => {
  let program: Awaited<ReturnType<typeof buildPeerProgram>>;

  beforeAll(async () => {
    program = await buildPeerProgram(new URL('network-program.ts', import.meta.url));
  });
  afterAll(() => program.remove());

  it('R7890-2.5-01 R7890-5.4-02 find each other by multicast over IPv4 and IPv6, and by DNS-SD', async () => {
    const run = await promisify(execFile)('unshare', inNetwork(`exec ${process.execPath} ${program.path}`));
    const founded = { way: 'founded' };
    expect(
      run.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      [founded, { way: 'multicast', address: '10.60.0.1', port: 6084 }],
      [founded, { way: 'multicast', address: expect.stringMatching(/^fe80::60%near$/), port: 6084 }],
      [founded, { way: 'dns-sd', address: '10.60.0.1', port: 6084 }],
    ]);
  }, 60_000);
});
