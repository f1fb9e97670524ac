import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '#platform/random.ts';

const SEAL = 12;

/**
 * Names of flows as user parts of Record-Route URIs, sealed so that nobody can make one up (RFC 5626 §5.2):
 * requests within a dialog find the connection of its INVITE, and nothing is kept per dialog.
 */
export class FlowTokens {
  readonly #key: Uint8Array;

  constructor(deps: { readonly random: Random }) {
    this.#key = deps.random.bytes(32);
  }

  seal(flowKey: string): string {
    return `${this.#tag(flowKey).toString('base64url')}.${Buffer.from(flowKey, 'utf8').toString('base64url')}`;
  }

  /** The flow key inside a token, or undefined when it was not sealed here. */
  open(token: string): string | undefined {
    const [tag = '', content = '', ...rest] = token.split('.', 3);
    if (rest.length > 0 || token.length > 512) return undefined;
    const flowKey = Buffer.from(content, 'base64url').toString('utf8');
    const given = Buffer.from(tag, 'base64url');
    return given.length === SEAL && timingSafeEqual(given, this.#tag(flowKey)) ? flowKey : undefined;
  }

  #tag(flowKey: string): Buffer {
    return createHmac('sha256', this.#key).update(flowKey).digest().subarray(0, SEAL);
  }
}
