import type { EnrollmentAuthority } from '#reload/enrollment/enrollment-authority.ts';
import type { MemberFiles } from '#reload/enrollment/identity-directory.ts';
import { generatePrivateKey } from '#reload/enrollment/keys.ts';
import { writeCertificateRequest } from '#reload/enrollment/x509-writer.ts';
import { readCertificate } from '#reload/security/certificate.ts';

export interface DirectEnrollment {
  readonly userName: string;
  readonly password: string;
  /** The overlay's document and root certificate. */
  readonly document: Uint8Array;
  readonly root: Uint8Array;
}

/** Becomes a member at an authority of the same process: key, request and certificate without a server in between. */
export async function enrollDirectly(authority: EnrollmentAuthority, request: DirectEnrollment): Promise<MemberFiles> {
  const { userName, password, document, root } = request;
  const privateKey = await generatePrivateKey('p-256');
  const certificateRequest = await writeCertificateRequest(userName, privateKey);
  const der = await authority.enroll({ account: userName, password, nodeIds: undefined, certificateRequest });
  return { document, root, certificate: readCertificate(der), privateKey };
}
