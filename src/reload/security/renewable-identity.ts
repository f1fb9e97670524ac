import type { KeyObject } from 'node:crypto';
import { Failure } from '#platform/failure.ts';
import type { Certificate, Identity, SignatureInput, Signer } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { Signature } from '#reload/wire/security-block.ts';

interface RenewalFault {
  readonly code: 'other-identity';
}

/**
 * A node's identity whose certificate and key may be replaced while the node runs: whoever asks gets the ones of the moment. Node-ID and
 * user name stay, since all the node has stored and said hangs on them.
 */
export class RenewableIdentity implements Identity {
  #current: Identity;

  constructor(identity: Identity) {
    this.#current = identity;
  }

  get current(): Identity {
    return this.#current;
  }

  get nodeId(): NodeId {
    return this.#current.nodeId;
  }

  get certificate(): Certificate {
    return this.#current.certificate;
  }

  get chain(): readonly Uint8Array[] {
    return this.#current.chain;
  }

  get privateKey(): KeyObject {
    return this.#current.privateKey;
  }

  /** Throws `Failure<RenewalFault>` for another Node-ID, user name or overlay. */
  renew(identity: Identity): void {
    const { nodeId, certificate } = this.#current;
    const { userName, overlayName } = identity.certificate;
    const same =
      identity.nodeId === nodeId && userName === certificate.userName && overlayName === certificate.overlayName;
    if (!same)
      throw new Failure<RenewalFault>(
        { code: 'other-identity' },
        `a certificate of ${userName}, node ${identity.nodeId}, cannot take the place of one of ${certificate.userName}, node ${nodeId}; start the node anew for that`,
      );
    this.#current = identity;
  }
}

/** Signs with the key and certificate of the moment. `create` is called once for each of them. */
export function renewableSigner(identity: RenewableIdentity, create: (identity: Identity) => Signer): Signer {
  let made = { by: identity.current, signer: create(identity.current) };
  const signer = (): Signer => {
    if (made.by !== identity.current) made = { by: identity.current, signer: create(identity.current) };
    return made.signer;
  };
  return {
    nodeId: identity.nodeId,
    get certificate() {
      return signer().certificate;
    },
    get chain() {
      return signer().chain;
    },
    sign: (input: SignatureInput): Signature => signer().sign(input),
  };
}
