import { createWriteStream } from 'node:fs';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type RecorderOptions, TranscriptRecorder } from '#pstn/transcript/recorder.ts';

/** A recorder that appends to a file, which only its owner can read. `failed` is called once when it can't be written. */
export function openTranscript(
  deps: { readonly clock: Clock; readonly failed: (reason: string) => void },
  file: string,
  options: RecorderOptions,
): TranscriptRecorder {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  let broken = false;
  stream.on('error', (error) => {
    if (!broken) deps.failed(messageOf(error));
    broken = true;
  });
  const write = (line: string) => {
    if (!broken) stream.write(`${line}\n`);
  };
  return new TranscriptRecorder({ clock: deps.clock, write }, options);
}
