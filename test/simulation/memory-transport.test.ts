import type { TransportWorld } from '../reload/link/transport-contract.ts';
import { transportContract } from '../reload/link/transport-contract.ts';
import { createTestOverlay } from '../support/overlay.ts';
import { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';
import { MemoryTransport } from './memory-transport.ts';
import { SeededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

async function memoryWorld(options: Partial<MemoryNetworkOptions>): Promise<TransportWorld> {
  const clock = new VirtualClock();
  const overlay = await createTestOverlay({ clock });
  const network = new MemoryNetwork({ clock, random: new SeededRandom('contract') }, options);
  return {
    host: '0.0.0.0',
    async member(user) {
      const identity = await overlay.identity(user);
      return { identity, transport: new MemoryTransport(network.host(), identity) };
    },
    settle: (promise) => clock.run(promise),
    close: async () => {},
  };
}

transportContract('the simulated network', () => memoryWorld({}));
transportContract('the simulated network with datagram links', () => memoryWorld({ datagramMtu: 1300 }));
