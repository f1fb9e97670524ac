import type { ConfigInput } from '#config/schema.ts';
import { TestGateway } from './test-gateway.ts';

const ALICE = 'alice@home.example';

/** A call from the line that alice took: the line's end, the phone's call, and the gateway's media towards the phone. */
export async function answeredCall(line: object = {}, config: Partial<ConfigInput> = {}) {
  const gw = new TestGateway({ line: [{ device: 'fake', rings: [ALICE], ...line }], ...config });
  const alice = gw.phone(ALICE);
  const ringing = gw.line.ring();
  const incoming = await gw.until(() => alice.incoming[0]);
  const call = await gw.clock.run(incoming.answer());
  const onLine = await ringing.answered;
  await gw.until(() => gw.events.find((event) => event.event === 'call' && event.state === 'answered'));
  const media = gw.medias[0]!;
  return { gw, alice, call, line: onLine, media };
}
