import { createWriteStream } from 'node:fs';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type RecorderOptions, TranscriptRecorder } from '#pstn/transcript/recorder.ts';

export interface Transcript {
  readonly recorder: TranscriptRecorder;
  /** Resolves once all is in the file. */
  close(): Promise<void>;
}

/** A recorder that appends to a file, which only its owner can read. `failed` is called once when it can't be written. */
export function openTranscript(
  deps: { readonly clock: Clock; readonly failed: (reason: string) => void },
  file: string,
  options: RecorderOptions,
): Transcript {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  let broken = false;
  stream.on('error', (error) => {
    if (!broken) deps.failed(messageOf(error));
    broken = true;
  });
  const write = (line: string) => {
    if (!broken) stream.write(`${line}\n`);
  };
  return {
    recorder: new TranscriptRecorder({ clock: deps.clock, write }, options),
    close: () => new Promise((resolve) => (broken ? resolve() : stream.end(() => resolve()))),
  };
}
