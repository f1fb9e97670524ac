import type { Config } from '#config/schema.ts';
import type { OpenNodeOptions } from '#reload/node/open-node.ts';

const COALESCE_LEAST = 0.2;

/** What the configuration says of the RELOAD node. */
export function nodeOptions({ overlay, roles }: Config): OpenNodeOptions {
  const mode = roles.includes('client') ? 'client' : 'peer';
  const bootstrapNodes = overlay.bootstrap.map(({ host, port }) => ({ address: host, port }));
  const { keylog, timers } = overlay;
  return {
    mode,
    ...(mode === 'peer' ? { listen: overlay.listen } : {}),
    foundRing: overlay.found,
    ...(bootstrapNodes.length > 0 ? { bootstrapNodes } : {}),
    tls: {
      ...(overlay.loopback ? { bindAddresses: ['127.0.0.1', '::1'] } : {}),
      ...(overlay.advertise.length > 0 ? { advertise: overlay.advertise } : {}),
      ...(overlay.attach_ports ? { portRange: { from: overlay.attach_ports[0], to: overlay.attach_ports[1] } } : {}),
      ...(keylog === undefined ? {} : { keylogFile: keylog }),
    },
    localSearch: { loopback: overlay.loopback, dnsSd: overlay.dns_sd ?? !overlay.loopback },
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
