import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ControlDeps, type ControlOptions, stateOf } from '#cli/control.ts';
import { loadConfig } from '#config/load.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { compactGreeting } from '#gateway/voice-mail/message-file.ts';
import { type MailboxReport, reportOf } from '#gateway/voice-mail/voice-mail-commands.ts';
import { mailboxStore } from '#gateway/voice-mail/voice-mail-side.ts';
import { systemClock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import { printable, silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

export interface VoiceMailOptions extends ControlOptions {
  readonly user?: string;
}

interface VoiceMailCliFault {
  readonly code: 'not-running';
}

/** `copperring voicemail list`; with a configuration file also while the node is not running. */
export async function listVoiceMail(deps: ControlDeps, options: VoiceMailOptions): Promise<void> {
  const reports = await running(deps, options, { action: 'list', user: options.user }, () => offline(deps, options));
  if (options.json) return deps.print(JSON.stringify(reports));
  for (const report of reports as readonly MailboxReport[]) {
    deps.print(`${report.user}: ${report.new} new, ${report.old} heard`);
    for (const { id, receivedAt, caller, callerName, seconds, heard } of report.messages) {
      const from = `${printable(caller)}${callerName === undefined ? '' : ` (${printable(callerName)})`}`;
      deps.print(`  ${id}  ${new Date(receivedAt).toISOString()}  ${seconds} s  ${heard ? 'heard' : 'new'}  ${from}`);
    }
  }
}

/** `copperring voicemail export`: copies one message into a WAV file. */
export async function exportMessage(
  deps: ControlDeps,
  { id, file }: { readonly id: string; readonly file: string },
  options: VoiceMailOptions,
): Promise<void> {
  const request = { action: 'path', user: options.user, id };
  const path = await running(deps, options, request, async () => {
    const found = (await offline(deps, options)).find(({ messages }) => messages.some((message) => message.id === id));
    if (found !== undefined) return join(await stateOf(deps, options), 'voice-mail', found.user, `${id}.wav`);
    throw new Failure<VoiceMailCliFault>({ code: 'not-running' }, `there is no message ${printable(id)}; list them`);
  });
  await copyFile(String(path), file);
  deps.print(`written to ${file}`);
}

export async function deleteMessage(deps: ControlDeps, id: string, options: VoiceMailOptions): Promise<void> {
  await running(deps, options, { action: 'delete', user: options.user, id });
  deps.print('deleted');
}

/** `copperring voicemail greeting`: without a file the default greeting comes back. */
export async function setGreeting(
  deps: ControlDeps,
  file: string | undefined,
  options: VoiceMailOptions,
): Promise<void> {
  const sound = file === undefined ? undefined : compactGreeting(new Uint8Array(await readFile(file)));
  const request = { action: 'greeting', user: options.user };
  await running(deps, options, sound ? { ...request, file: Buffer.from(sound).toString('base64') } : request);
  deps.print(file === undefined ? 'the default greeting is played again' : 'greeting set');
}

export async function setPin(deps: ControlDeps, pin: string, options: VoiceMailOptions): Promise<void> {
  await running(deps, options, { action: 'pin', user: options.user, pin });
  deps.print('PIN set');
}

/** Asks the running node; `otherwise` answers when there is none. */
async function running(
  deps: ControlDeps,
  options: VoiceMailOptions,
  request: object,
  otherwise?: () => Promise<unknown>,
): Promise<unknown> {
  try {
    return await controlRequest(controlPath(await stateOf(deps, options)), { command: 'voicemail', ...request });
  } catch (thrown) {
    const isStopped = thrown instanceof Failure && thrown.code === 'not-running';
    if (!isStopped || otherwise === undefined || options.config === undefined) throw thrown;
    return otherwise();
  }
}

/** Reads the mailboxes of a node that is not running; its configuration names them. */
async function offline(deps: ControlDeps, options: VoiceMailOptions): Promise<readonly MailboxReport[]> {
  const config = await loadConfig(options.config, deps.environment);
  const stateDirectory = await stateOf(deps, options);
  const store = await openLmdbStore(join(stateDirectory, 'db'));
  try {
    const mailboxes = mailboxStore(
      { clock: systemClock, random: systemRandom, log: silentLogger, store, changed: () => {} },
      { config: config.voice_mail, stateDirectory },
    );
    await mailboxes.load();
    return reportOf(mailboxes, options.user === undefined ? mailboxes.users : [options.user]);
  } finally {
    await store.close();
  }
}
