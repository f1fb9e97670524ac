/**
 * An expected failure. Each layer declares the union of its own codes and data, for example
 * `type LinkFault = { code: 'wrong-node'; expected: NodeId } | { code: 'closed' }`, and throws `new Failure<LinkFault>(...)`.
 * The message says what was wrong and what to do about it.
 */
export class Failure<Fault extends { readonly code: string }> extends Error {
  readonly fault: Fault;

  constructor(fault: Fault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Failure';
    this.fault = fault;
  }

  get code(): Fault['code'] {
    return this.fault.code;
  }
}

/** What to print of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
