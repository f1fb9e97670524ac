import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { CallTrial } from '#pstn/doctor/report.ts';
import type { Line } from '#pstn/line.ts';

const TALK_MS = 5000;

/** Calls a number with the gateway's own driver, listens for five seconds and hangs up. Never rejects. */
export async function callTrial({ clock }: { readonly clock: Clock }, line: Line, number: string): Promise<CallTrial> {
  try {
    await line.start();
    const call = await line.dial(number.replace(/[ .()/-]/g, ''), new AbortController().signal);
    const over = await Promise.race([
      call.ended,
      new Promise<undefined>((resolve) => {
        clock.after(TALK_MS, () => resolve(undefined));
      }),
    ]);
    await call.hangUp();
    const { bytesHeard, bytesPlayed } = call.statistics;
    const outcome = over === undefined ? 'answered' : `answered, then ended: ${over}`;
    return { outcome, answer: call.answer, bytesHeard, bytesPlayed };
  } catch (thrown) {
    return { outcome: messageOf(thrown), answer: undefined, bytesHeard: 0, bytesPlayed: 0 };
  } finally {
    await line.stop();
  }
}
