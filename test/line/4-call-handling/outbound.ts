import type { ConfigInput } from '#config/schema.ts';
import type { FakeLine } from './fake-line.ts';
import { TestGateway, type TestPhone } from './test-gateway.ts';

export const ALICE = 'alice@home.example';
export const BOB = 'bob@home.example';

/** A gateway on German lines that lets everybody call everywhere, as far as the settings do not say otherwise. */
export function outboundGateway(lines: readonly object[], dialPlan: ConfigInput['dial_plan'] = {}): TestGateway {
  const allow = [{ callers: ['*'], prefixes: ['+'] }];
  return new TestGateway({
    line: lines.map((line, i) => ({ name: `line${i}`, device: `/dev/${i}`, country: 'DE', ...line })),
    dial_plan: { allow, international: true, ...dialPlan },
  });
}

/** A call on its way: what it comes to, as SIP status or 'answered'. */
export function placed(gateway: TestGateway, phone: TestPhone, to: string, options = {}) {
  const call = phone.call(to, options);
  const outcome = call.then(
    () => 'answered' as const,
    (thrown) => Number(thrown.fault?.status ?? 0),
  );
  return { call, outcome: () => gateway.clock.run(outcome) };
}

/** The next dialling of a line, counted from 0. */
export function dialling(gateway: TestGateway, line: FakeLine | undefined, index = 0) {
  return gateway.until(() => line?.diallings[index]);
}
