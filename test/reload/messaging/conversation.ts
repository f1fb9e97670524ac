import { utf8 } from '#platform/bytes.ts';
import type { Failure } from '#platform/failure.ts';
import type { ExchangeFault } from '#reload/messaging/exchange.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { decodeHeader, encodeWithPayload, type ForwardingHeader } from '#reload/wire/forwarding-header.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import { connect, createTestNetwork, type Tap, type TestNetwork, type TestNode } from './network.ts';

export const CODE = MessageCode.probeReq;
export const body = utf8('question');
export const RESOURCE = '77'.repeat(16) as ResourceId;
export const resource = resourceDestination(RESOURCE);

export async function pair(tap?: Tap): Promise<{ net: TestNetwork; alice: TestNode; bob: TestNode }> {
  const net = await createTestNetwork();
  const [alice, bob] = [await net.node('alice'), await net.node('bob')];
  connect(alice, bob, tap);
  return { net, alice, bob };
}

export function echo(node: TestNode): { calls: number } {
  const seen = { calls: 0 };
  node.messenger.handle(CODE, (request) => {
    seen.calls++;
    return { body: utf8(`${Buffer.from(request.body).toString()}!`) };
  });
  return seen;
}

export function ask(from: TestNode, to: TestNode, extra: object = {}) {
  return from.messenger.request({ destination: [nodeDestination(to.nodeId)], code: CODE, body, ...extra });
}

/** The failure a promise ends with. */
export async function failureOf(net: TestNetwork, promise: Promise<unknown>): Promise<Failure<ExchangeFault>> {
  return net.clock.run(
    promise.then(
      () => Promise.reject(new Error('it succeeded')),
      (reason) => reason,
    ),
  );
}

export function patched(
  bytes: Uint8Array,
  change: (header: ForwardingHeader) => Partial<ForwardingHeader>,
): Uint8Array {
  const { header, headerLength } = decodeHeader(bytes);
  return encodeWithPayload({ ...header, ...change(header) }, bytes.subarray(headerLength));
}
