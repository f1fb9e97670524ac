import type { Clock, Timer } from '#platform/clock.ts';
import { DLE, shield, Unshielder } from '#pstn/modem/dle.ts';
import type { OpenSerial, SerialListener } from '#pstn/modem/serial-port.ts';
import type { TranscriptEntry, TranscriptHead } from '#pstn/transcript/entry.ts';
import { maskCommand } from '#pstn/transcript/mask.ts';

export interface Transcript {
  readonly head: TranscriptHead;
  readonly entries: readonly TranscriptEntry[];
  /** The last word of the program that was recorded. */
  readonly found: Readonly<Record<string, unknown>> | undefined;
}

/** The runs that a file holds: each begins with a head. */
export function parseTranscripts(text: string): readonly Transcript[] {
  const runs: { head: TranscriptHead; entries: TranscriptEntry[]; found: Transcript['found'] }[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('//')) continue;
    const read = JSON.parse(line) as TranscriptHead | TranscriptEntry;
    const run = runs.at(-1);
    if ('transcript' in read) runs.push({ head: read, entries: [], found: undefined });
    else if (run === undefined) throw new Error('a transcript begins with its head');
    else if ('found' in read) run.found = read.found;
    else run.entries.push(read);
  }
  return runs;
}

const SLICE_MS = 20;

/**
 * Plays the modem's side of a transcript. Strict: a command or code that the modem never got is a fault. The order may differ, since programs
 * change: what is asked is looked up after the last thing asked, else before it.
 */
export function replayModem(clock: Clock, { head, entries }: Transcript) {
  const faults: string[] = [];
  const unshielder = new Unshielder('');
  let listener: SerialListener | undefined;
  let timers: Timer[] = [];
  let at = 0;
  let typed = '';
  let streaming = false;
  let spoken = 0;

  const send = (text: string) => listener?.data(Buffer.from(text, 'latin1'));
  const later = (ms: number, act: () => void) => timers.push(clock.after(ms, act));

  /** Sound as it was kept, over and over. */
  const soundOf = (from: number) => {
    const next = entries.findIndex((entry, i) => i > from && 'to' in entry);
    const stream = entries.slice(from, next < 0 ? undefined : next);
    const begin = Buffer.concat(
      stream.flatMap((entry) => ('fromSound' in entry ? [Buffer.from(entry.fromSound.begin ?? '', 'base64')] : [])),
    );
    return (count: number) => {
      const piece = Uint8Array.from({ length: count }, (_, i) => begin[(spoken + i) % begin.length] ?? 0xff);
      spoken += count;
      return piece;
    };
  };

  /** What the modem said after entry `asked`, at the same times. */
  const answer = (asked: number) => {
    for (const timer of timers) timer.cancel();
    timers = [];
    const sound = soundOf(asked);
    const began = entries[asked]?.ms ?? 0;
    let last = 0;
    for (const entry of entries.slice(asked + 1)) {
      if ('to' in entry || 'toCode' in entry || 'opened' in entry) break;
      const ms = entry.ms - began;
      if ('from' in entry) {
        const connects = entry.from === 'CONNECT';
        later(ms, () => {
          send(`\r\n${entry.from}\r\n`);
          if (connects) streaming = true;
        });
      } else if ('fromCode' in entry) {
        later(ms, () => {
          if (entry.fromCode === '\x03') streaming = false;
          listener?.data(Uint8Array.of(DLE, entry.fromCode.charCodeAt(0)));
        });
      } else if ('fromSound' in entry) {
        const slices = Math.max(1, Math.round((ms - last) / SLICE_MS));
        for (let i = 1; i <= slices; i++) {
          const count =
            Math.floor((entry.fromSound.bytes * i) / slices) - Math.floor((entry.fromSound.bytes * (i - 1)) / slices);
          later(last + ((ms - last) * i) / slices, () => listener?.data(shield(sound(count))));
        }
      }
      last = ms;
    }
  };

  const asked = (what: string, fits: (entry: TranscriptEntry) => boolean) => {
    const ahead = entries.findIndex((entry, i) => i >= at && fits(entry));
    const found = ahead >= 0 ? ahead : entries.findIndex(fits);
    if (found < 0) {
      faults.push(what);
      send('\r\nERROR\r\n');
      return;
    }
    at = found + 1;
    answer(found);
  };

  const typing = (text: string) => {
    const lines = `${typed}${text}`.split('\r');
    typed = lines.pop() ?? '';
    for (const line of lines) {
      const command = head.unmasked ? line : maskCommand(line);
      asked(`command ${line}`, (entry) => 'to' in entry && entry.to === command);
    }
  };

  const openPort: OpenSerial = async (_path, _baudRate, to) => {
    listener = to;
    return {
      write(bytes) {
        for (const item of unshielder.push(bytes).items) {
          if (item.type === 'code')
            asked(`code ${item.code}`, (entry) => 'toCode' in entry && entry.toCode === item.code);
          else if (!streaming) typing(Buffer.from(item.samples).toString('latin1'));
        }
      },
      close: async () => {
        listener = undefined;
      },
    };
  };
  return { openPort, faults };
}
