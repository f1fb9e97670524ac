import { soundFlows } from '#demo/acts/outbound.ts';
import { type Draw, SERVED_PREFIX } from '#demo/draw.ts';
import type { DemoReport } from '#demo/report.ts';
import type { Scene } from '#demo/scene.ts';

const RING_MS = 20_000;
const END_MS = 10_000;

/** A call that came in over the line and stands. `since` is where its events begin. */
export interface InboundCall {
  readonly callerId: string;
  readonly since: number;
}

/** The exchange rings the line; the phone rings and answers. */
export async function ringIn(scene: Scene, draw: Draw): Promise<InboundCall> {
  const { phone, line } = scene;
  const since = line.events.length;
  const ringing = phone.rings(RING_MS);
  await line.send({
    command: 'ring',
    callerId: { number: draw.caller.slice(SERVED_PREFIX.length) },
    sendHz: draw.inboundHz,
  });
  const { callerId } = await ringing;
  await phone.answer(RING_MS);
  await soundFlows(scene, since);
  return { callerId, since };
}

/** The exchange hangs up, and the phone notices. Gives what each side heard of the other. */
export async function hangUpFromLine(scene: Scene, call: InboundCall): Promise<DemoReport['inbound']> {
  const { phone, line } = scene;
  const report = (await line.report()).call;
  await line.send({ command: 'hang-up', how: 'busy-tone' });
  await phone.callEnded(END_MS);
  await line.event('on-hook', { since: call.since, timeoutMs: END_MS });
  const { sentHz, heardHz } = await phone.measure();
  return {
    callerId: call.callerId,
    answered: true,
    phoneSentHz: sentHz,
    phoneHeardHz: heardHz,
    lineSentHz: report?.sentHz ?? 0,
    lineHeardHz: report?.heardHz ?? 0,
  };
}
