import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Config } from '#config/schema.ts';
import type { HostPort } from '#config/values.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { OpenNodeOptions } from '#reload/node/open-node.ts';

const COALESCE_LEAST = 0.2;

/** What the configuration says of the RELOAD node. Host names of bootstrap nodes become addresses here. */
export async function nodeOptions({ overlay, roles }: Config, log: Logger): Promise<OpenNodeOptions> {
  const mode = roles.includes('client') ? 'client' : 'peer';
  const bootstrapNodes = await resolved(overlay.bootstrap, log);
  const { keylog, timers } = overlay;
  return {
    mode,
    ...(mode === 'peer' ? { listen: overlay.listen } : {}),
    foundRing: overlay.found,
    ...(bootstrapNodes.length > 0 ? { bootstrapNodes } : {}),
    tls: {
      ...(overlay.loopback ? { bindAddresses: ['127.0.0.1', '::1'] } : {}),
      ...(overlay.advertise.length > 0 ? { advertise: overlay.advertise } : {}),
      ...(keylog === undefined ? {} : { keylogFile: keylog }),
    },
    timers: chordTimers(timers),
    chordUpdateInterval: timers.update_seconds,
    chordPingInterval: timers.ping_seconds,
  };
}

function chordTimers(timers: Config['overlay']['timers']): NonNullable<OpenNodeOptions['timers']> {
  const { liveness_ms, suspicion_ms, hold_down_ms, coalesce_ms, join_ms, unreachable_ms } = timers;
  return {
    ...(liveness_ms === undefined ? {} : { livenessInterval: liveness_ms }),
    ...(suspicion_ms === undefined ? {} : { suspicionTimeout: suspicion_ms }),
    ...(hold_down_ms === undefined ? {} : { holdDown: hold_down_ms }),
    ...(coalesce_ms === undefined ? {} : { coalesce: { min: coalesce_ms * COALESCE_LEAST, max: coalesce_ms } }),
    ...(join_ms === undefined ? {} : { joinTimeout: join_ms }),
    ...(unreachable_ms === undefined ? {} : { unreachableFor: unreachable_ms }),
  };
}

async function resolved(
  nodes: readonly HostPort[],
  log: Logger,
): Promise<readonly { readonly address: string; readonly port: number }[]> {
  const found = await Promise.all(
    nodes.map(async ({ host, port }) => {
      if (isIP(host) !== 0) return [{ address: host, port }];
      try {
        return (await lookup(host, { all: true })).map(({ address }) => ({ address, port }));
      } catch (thrown) {
        log.warn('bootstrap node has no address', { host, reason: messageOf(thrown) });
        return [];
      }
    }),
  );
  return found.flat();
}
