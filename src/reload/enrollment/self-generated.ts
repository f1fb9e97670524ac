import type { KeyObject } from 'node:crypto';
import type { Clock } from '#platform/clock.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { validityFrom } from '#reload/enrollment/found-overlay.ts';
import { publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { writeSelfSignedCertificate } from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { selfSignedNodeIds } from '#reload/security/self-signed.ts';

export interface SelfGeneratedRequest {
  readonly userName: string;
  readonly privateKey: KeyObject;
  readonly nodeIds: number;
  readonly validityDays?: number;
}

/**
 * A certificate (DER) made without any server, for overlays that permit it (RFC 6940 §11.3.1). Anyone may take any user name there:
 * where that matters, use an enrollment server.
 */
export async function makeSelfSignedCertificate(
  clock: Clock,
  configuration: OverlayConfiguration,
  request: SelfGeneratedRequest,
): Promise<Uint8Array> {
  const { selfSignedDigest, nodeIdLength, instanceName } = configuration;
  if (selfSignedDigest === undefined)
    throw enrollmentFailure(
      { code: 'no-server' },
      'The overlay neither names an enrollment server nor permits self-signed certificates.',
    );
  const nodeIds = selfSignedNodeIds(
    publicKeyInfoOf(request.privateKey),
    selfSignedDigest,
    request.nodeIds,
    nodeIdLength,
  );
  return writeSelfSignedCertificate(
    { overlayName: instanceName, userName: request.userName, nodeIds },
    request.privateKey,
    validityFrom(clock, request.validityDays ?? 365),
  );
}
