import type { Draw } from '#demo/draw.ts';
import type { DemoReport } from '#demo/report.ts';
import type { Scene } from '#demo/scene.ts';

const ANSWER_MS = 20_000;
const DIGIT_MS = 10_000;
const RING_MS = 1000;

/** The phone dials out over the line: who answers, what each side heard of the other, and how long it took to dial. */
export async function callOut(scene: Scene, draw: Draw): Promise<DemoReport['outbound']> {
  const { phone, line } = scene;
  const number = draw.called.slice(1);
  await line.send({ command: 'plan', number, answerAfterMs: RING_MS, sendHz: draw.outboundHz });
  const since = line.events.length;
  const invitedAt = Date.now();
  const answered = phone.dial(draw.called, ANSWER_MS);
  const [dialling] = await Promise.all([line.event('dialling', { since, timeoutMs: ANSWER_MS }), answered]);
  await soundFlows(scene, since);
  await phone.sendDigits(draw.digits);
  await digitsArrived(scene, since, draw.digits.length);
  const { call } = await line.report();
  await phone.hangUp();
  await line.event('call-ended', { since, timeoutMs: ANSWER_MS });
  await line.event('on-hook', { since, timeoutMs: ANSWER_MS });
  const { sentHz, heardHz } = await phone.measure();
  return {
    answered: true,
    phoneSentHz: sentHz,
    phoneHeardHz: heardHz,
    lineSentHz: call?.sentHz ?? 0,
    lineHeardHz: call?.heardHz ?? 0,
    dtmfSent: draw.digits,
    dtmf: call?.digits ?? '',
    setupMs: dialling.at - invitedAt,
  };
}

/** Waits until the exchange has heard two seconds of tone. */
export async function soundFlows(scene: Scene, since: number): Promise<void> {
  await scene.line.event('answered', { since, timeoutMs: ANSWER_MS });
  for (const deadline = Date.now() + DIGIT_MS; Date.now() < deadline; ) {
    const { call } = await scene.line.report();
    if (call && call.toneWindows >= 10) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function digitsArrived(scene: Scene, since: number, count: number): Promise<void> {
  for (const deadline = Date.now() + DIGIT_MS; Date.now() < deadline; ) {
    const digits = scene.line.events.slice(since).filter(({ event }) => event === 'digit');
    if (digits.length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
