import { openLog } from '#cli/log.ts';
import { runHeadlessPhone } from '#gateway/headless-phone.ts';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';

export interface PhoneCommandOptions {
  readonly registrar: string;
  readonly user: string;
  readonly tone: string;
  readonly dir: string;
}

/** `copperring phone`: a headless SIP phone, worked by JSON lines on standard input, telling JSON lines on standard output. */
export async function phoneCommand(
  deps: {
    readonly input: NodeJS.ReadStream;
    readonly print: (line: string) => void;
    readonly signal: AbortSignal;
    readonly password: string;
  },
  options: PhoneCommandOptions,
): Promise<void> {
  const log = openLog('warn');
  deps.signal.addEventListener('abort', () => deps.input.destroy(), { once: true });
  try {
    await runHeadlessPhone(
      {
        clock: systemClock,
        random: systemRandom,
        log: log.logger,
        input: deps.input,
        say: (event) => deps.print(JSON.stringify(event)),
      },
      {
        registrar: options.registrar,
        user: options.user,
        password: deps.password,
        toneHz: Number(options.tone),
        directory: options.dir,
      },
    );
  } finally {
    log.flush();
  }
}
