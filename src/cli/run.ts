import { mkdir } from 'node:fs/promises';
import { openLog } from '#cli/log.ts';
import { prepareOwnOverlay } from '#cli/own-overlay.ts';
import { eventLine } from '#cli/print-events.ts';
import { loadConfig, stateDirectory } from '#config/load.ts';
import type { Config } from '#config/schema.ts';
import { Application } from '#gateway/application.ts';
import { embeddedDefaults } from '#gateway/defaults.ts';
import type { GatewayEvent } from '#gateway/events.ts';
import type { OwnOverlay } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';

export interface RunOptions {
  readonly config?: string;
  readonly jsonEvents?: boolean;
}

export interface RunDeps {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** This program's own file. */
  readonly program: string;
  readonly print: (line: string) => void;
  /** Aborts when the process is told to end. */
  readonly signal: AbortSignal;
}

const deps = { clock: systemClock, random: systemRandom };

/** `copperring run`: runs until it is told to stop. Without a configuration it makes its own overlay with an emulated line. */
export async function runCommand({ environment, program, print, signal }: RunDeps, options: RunOptions): Promise<void> {
  const { config, own, state } = await configure(options.config, { environment, program });
  const log = openLog(config.log_level);
  const application = new Application({ ...deps, log: log.logger, program }, { config, stateDirectory: state });
  application.events.on((event) => {
    const line = options.jsonEvents ? JSON.stringify({ ...event, at: systemClock.now() }) : eventLine(event);
    if (line !== undefined) print(line);
    if (event.event === 'ready' && !options.jsonEvents) for (const text of greeting(event, config, own)) print(text);
  });
  if (!options.jsonEvents && own)
    print('Copperring on its own defaults. The telephone line is EMULATED: no real telephone is reached.');
  const told = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  try {
    const starting = application.start();
    // Told to end while it starts: stopping makes the start fail, which is then no failure.
    await Promise.race([starting, told]);
    if (!signal.aborted) await told;
    await application.stop();
    await starting.catch(() => {});
  } finally {
    log.flush();
  }
}

async function configure(
  file: string | undefined,
  { environment, program }: Pick<RunDeps, 'environment' | 'program'>,
): Promise<{ readonly config: Config; readonly own: OwnOverlay | undefined; readonly state: string }> {
  if (file !== undefined) {
    const config = await loadConfig(file, environment);
    const state = stateDirectory(config, environment);
    await mkdir(state, { recursive: true, mode: 0o700 });
    return { config, own: undefined, state };
  }
  const state = stateDirectory({ state: environment.COPPERRING_STATE }, environment);
  await mkdir(state, { recursive: true, mode: 0o700 });
  const own = await prepareOwnOverlay({ environment, program }, state);
  return { config: await loadConfig(undefined, environment, embeddedDefaults(own)), own, state };
}

function greeting(
  { sip, user, nodeId }: Extract<GatewayEvent, { event: 'ready' }>,
  config: Config,
  own: OwnOverlay | undefined,
): readonly string[] {
  const lines = ['', `Ready: ${config.roles.join(', ')}${user === undefined ? '' : `, ${user}, node ${nodeId}`}`];
  if (sip !== undefined) lines.push(`SIP phones register at ${sip} (UDP or TCP)`);
  if (!own) return lines;
  const [name = '', domain = ''] = own.phone.user.split('@');
  return [
    ...lines,
    `  user ${name}, password ${own.phone.password}, domain ${domain}`,
    'Then dial',
    '  2025550123 or any other number of ten digits: the emulated exchange answers with a tone',
    '  1170: the exchange answers, and calls the line back 3 s later: the phone rings',
    '  5550000: busy; 5550001: nobody answers',
    'Ctrl-C hangs up, withdraws the records and leaves the overlay.',
    '',
  ];
}
