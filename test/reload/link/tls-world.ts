import { systemClock } from '#platform/clock.ts';
import { type LogFields, type Logger, silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { TlsTransport, type TlsTransportOptions } from '#reload/link/tls/tls-transport.ts';
import type { Identity } from '#reload/security/identity.ts';
import type { TestOverlay } from '../../support/overlay.ts';

export const never = new AbortController().signal;

export function tls(
  overlay: TestOverlay,
  identity: Identity,
  options: TlsTransportOptions = {},
  log = silentLogger,
): TlsTransport {
  const deps = { identity, verifier: overlay.verifier(), configuration: overlay.source };
  const ports = { clock: systemClock, random: systemRandom, log };
  return new TlsTransport({ ...deps, ...ports }, { bindAddresses: ['127.0.0.1'], ...options });
}

/** Collects warnings: refusals are what an operator has to see. */
export function collectingLogger(): { readonly log: Logger; readonly warnings: LogFields[] } {
  const warnings: LogFields[] = [];
  const log: Logger = { ...silentLogger, child: () => log, warn: (_message, fields) => warnings.push(fields ?? {}) };
  return { log, warnings };
}
