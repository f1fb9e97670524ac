import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { unsupported } from '#reload/overlay-config/fault.ts';
import { SUPPORTED_EXTENSIONS } from '#reload/overlay-config/namespaces.ts';
import { ACCESS_POLICIES } from '#reload/overlay-config/registered-kinds.ts';

/** Refuses an overlay this node can't be a member of (RFC 6940 §11.1). Throws `Failure<ConfigurationFault>` that names the reason. */
export function requireSupported(configuration: OverlayConfiguration): void {
  if (configuration.topologyPlugin !== 'CHORD-RELOAD')
    throw unsupported(
      `topology-plugin ${configuration.topologyPlugin.slice(0, 40)}`,
      'is not implemented, only CHORD-RELOAD is',
    );
  // CHORD-RELOAD has 128-bit Resource-IDs and compares them with Node-IDs (RFC 6940 §10.1, §10.2).
  if (configuration.nodeIdLength !== 16)
    throw unsupported(`node-id-length ${configuration.nodeIdLength}`, 'does not go with CHORD-RELOAD, which needs 16');
  if (!configuration.linkProtocols.includes('TLS'))
    throw unsupported('overlay-link-protocol', 'names no protocol this node has; it has TLS');
  const extension = configuration.mandatoryExtensions.find((name) => !SUPPORTED_EXTENSIONS.has(name));
  if (extension !== undefined)
    throw unsupported(`mandatory-extension ${extension.slice(0, 100)}`, 'is not implemented');
  const [unknown] = configuration.unknownKinds;
  if (unknown !== undefined) throw unsupported(`kind ${unknown.slice(0, 40)}`, 'is not known to it');
  const kind = configuration.kinds.find((candidate) => !ACCESS_POLICIES.has(candidate.accessControl));
  if (kind !== undefined)
    throw unsupported(`access-control ${kind.accessControl.slice(0, 40)} of Kind ${kind.id}`, 'is not implemented');
  // RFC 6940 §11.1: an overlay is with ICE or without, for all its nodes.
  if (!configuration.noIce) throw unsupported('no-ice', 'is not true, and this node has no link protocol with ICE');
}
