import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Clock, delay } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';

/** All addresses of a host name; rejects when it has none. */
export type LookUp = (name: string) => Promise<readonly string[]>;

interface ResolveDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the name service may take, in milliseconds. */
const PATIENCE = 5000;
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 8;

/** Asks the system's name service. */
export const systemLookUp: LookUp = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** Puts addresses in the place of names, in the same order. Names without one are logged and left out. */
export async function resolveNames(
  deps: ResolveDeps,
  nodes: readonly BootstrapAddress[],
  lookUp: LookUp,
): Promise<readonly BootstrapAddress[]> {
  if (nodes.every(({ address }) => isIP(address) !== 0)) return nodes;
  const resolved = await Promise.all(
    nodes.map(async (node) => {
      if (isIP(node.address) !== 0) return [node];
      try {
        const found = await Promise.race([lookUp(node.address), tooLong(deps.clock)]);
        return found.slice(0, MAX_ADDRESSES).map((address) => ({ address, port: node.port }));
      } catch (thrown) {
        const name = printable(node.address);
        deps.log.warn('bootstrap node has no address; check its name', { name, why: printable(messageOf(thrown)) });
        return [];
      }
    }),
  );
  return resolved.flat();
}

async function tooLong(clock: Clock): Promise<never> {
  await delay(clock, PATIENCE);
  throw new Failure({ code: 'timeout' }, `the name service did not answer within ${PATIENCE} ms`);
}
