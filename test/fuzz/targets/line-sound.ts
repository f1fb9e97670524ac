import { DtmfDetector, dtmfSound } from '#media/dtmf.ts';
import { FaxToneDetector } from '#media/fax-tones.ts';
import { fskSound } from '#media/fsk.ts';
import { cadenced, ToneSequence } from '#media/tone-sequence.ts';
import { keyedCallerId } from '#pstn/caller-id/keyed.ts';
import { type CallerIdReport, readCallerIdMessage, withChecksum } from '#pstn/caller-id/message.ts';
import { CallerIdReceiver } from '#pstn/caller-id/receiver.ts';
import { callerIdOf } from '#pstn/caller-id.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target } from '../target.ts';

/** Sound of a telephone line, which anybody who calls makes, and the caller ID in it. */
export function lineSoundTargets(): readonly Target[] {
  return [detectors(), callerIdSound(), callerIdMessage()];
}

function detectors(): Target {
  return bytesTarget('media DTMF and fax tones', {
    sample: (dice) =>
      dice.pick([
        () => dtmfSound(dice.pick(['159D', 'A5551234C', '#*0']), 30 + dice.below(60), dice.below(60)),
        () => new ToneSequence({ steps: cadenced([1100], [500, 3000]) }).next(8000),
        () => new ToneSequence({ steps: cadenced([2100], []) }).next(8000),
        () => dice.bytes(dice.size(8000)),
      ])(),
    run(input) {
      const whole = toldOf([input]);
      const size = 1 + ((input[0] ?? 0) % 173);
      const pieces = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
        input.subarray(i * size, (i + 1) * size),
      );
      if (toldOf(pieces) !== whole) throw new BrokenPromise('what is heard depends on the pieces of the sound');
      // A key is told after 25 ms at the least.
      if (whole.length > input.length / 200 + 3) throw new BrokenPromise('more is told than fits into the sound');
      return whole;
    },
  });
}

function toldOf(pieces: readonly Uint8Array[]): string {
  let keys = '';
  let tones = '';
  const dtmf = new DtmfDetector((key) => {
    keys += key;
  });
  const fax = new FaxToneDetector((tone) => {
    tones += tone.charAt(0);
  });
  for (const piece of pieces) {
    dtmf.push(piece);
    fax.push(piece);
  }
  return `${keys}|${tones}`;
}

function callerIdSound(): Target {
  return bytesTarget('pstn caller ID in sound', {
    sample: (dice) =>
      fskSound({
        standard: dice.pick(['bell-202', 'v23']),
        bytes: message(dice),
        seizureBits: dice.below(300),
        markBits: 80 + dice.below(100),
      }),
    run(input) {
      const reports: CallerIdReport[] = [];
      const receiver = new CallerIdReceiver((report) => reports.push(report));
      receiver.push(input);
      return reports.map(checked);
    },
  });
}

function callerIdMessage(): Target {
  return bytesTarget('pstn caller ID message', {
    maxInput: 4096,
    sample: message,
    run(input) {
      const report = readCallerIdMessage(input);
      const keyed = keyedCallerId(Buffer.from(input).toString('latin1'));
      return [report && checked(report), keyed && callerIdOf(keyed)];
    },
  });
}

/** What goes on to the gateway must be short and plain, whatever was sent. */
function checked(report: CallerIdReport): unknown {
  if (report.type !== 'call') return report;
  const { number, name } = callerIdOf(report.block);
  if (number !== undefined && !/^\+?[0-9*#]{1,32}$/.test(number)) throw new BrokenPromise('a number that is none');
  if (name !== undefined && !/^[\x20-\x7e]{1,255}$/.test(name)) throw new BrokenPromise('a name that is not plain');
  return report;
}

function message(dice: Dice): Uint8Array {
  const text = dice.pick(['5551234', '11230259', 'ALICE', 'P', 'O', '\x01', '\x81', '']);
  const field = () => [
    dice.pick([1, 2, 4, 7, 8, 0x0b, 0x11, 0x13, dice.below(256)]),
    text.length,
    ...Buffer.from(text, 'latin1'),
  ];
  const data = Array.from({ length: dice.below(6) }, field).flat();
  return withChecksum(Uint8Array.from([dice.pick([0x04, 0x06, 0x80, 0x82]), data.length, ...data]));
}
