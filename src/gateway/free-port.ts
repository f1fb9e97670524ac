import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { HostPort } from '#config/values.ts';
import { Failure, messageOf } from '#platform/failure.ts';

interface PortFault {
  readonly code: 'port-taken';
}

const ATTEMPTS = 20;

/**
 * A port that is free for UDP and TCP alike, as SIP wants it: the given one, or when that is 0, or taken and `anyPort`, another.
 * Rejects with `Failure<PortFault>`.
 */
export async function freePort(at: HostPort, anyPort: boolean): Promise<number> {
  let reason: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const port = await bindUdp(at.host, attempt === 0 ? at.port : 0);
      await bindTcp(at.host, port);
      return port;
    } catch (thrown) {
      reason = thrown;
      if (at.port !== 0 && !anyPort) break;
    }
  }
  throw new Failure<PortFault>(
    { code: 'port-taken' },
    `SIP cannot listen at ${at.host} port ${at.port} (${messageOf(reason)}); stop the other program or set sip.listen`,
    reason,
  );
}

function bindUdp(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(port, host, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

function bindTcp(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, host, () => server.close(() => resolve()));
  });
}
