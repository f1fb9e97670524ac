import { execFile } from 'node:child_process';
import { knownOwnOverlay, type OwnOverlay } from '#gateway/own-overlay.ts';
import { Failure, messageOf } from '#platform/failure.ts';

interface OwnOverlayFault {
  readonly code: 'own-overlay';
}

export interface OwnOverlayProcess {
  /** This program's own file. */
  readonly program: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The overlay of an earlier run, or a new one, made by a short process of its own: what writing certificates loads would else stay in
 * the memory of a node that runs for months and never writes another one. Rejects with `Failure<OwnOverlayFault>`.
 */
export async function prepareOwnOverlay(by: OwnOverlayProcess, stateDirectory: string): Promise<OwnOverlay> {
  const known = await knownOwnOverlay(stateDirectory);
  if (known !== undefined) return known;
  await makeInOwnProcess(by, stateDirectory);
  const made = await knownOwnOverlay(stateDirectory);
  if (made !== undefined) return made;
  throw failed('it left nothing behind');
}

function makeInOwnProcess({ program, environment }: OwnOverlayProcess, stateDirectory: string): Promise<void> {
  const env = { ...environment, COPPERRING_STATE: stateDirectory };
  return new Promise((resolve, reject) => {
    // Interrupted half-way it would leave half an overlay; it is done in less than a second.
    const options = { env, detached: true };
    execFile(process.execPath, [program, 'own-overlay'], options, (error, _output, complaints) => {
      if (error === null) resolve();
      else reject(failed(complaints.trim() || messageOf(error)));
    });
  });
}

function failed(reason: string): Failure<OwnOverlayFault> {
  return new Failure<OwnOverlayFault>({ code: 'own-overlay' }, `the own overlay could not be made: ${reason}`);
}
