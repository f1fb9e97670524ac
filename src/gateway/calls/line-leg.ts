import { endedByLine, reasonOf } from '#gateway/call-end.ts';
import { JitterBuffer } from '#media/jitter-buffer.ts';
import type { MediaSession } from '#media/session.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { LineCall } from '#pstn/line.ts';
import type { Call } from '#sip/ua/call-engine.ts';

/**
 * A second line as the far leg of a call, so that a line is joined to a line as it is to a phone. Each line has a clock of its
 * own: between them are the same buffers that stand between a line and the network.
 */
export function lineLeg(line: LineCall, number: string, log: Logger): Call {
  return {
    id: `line ${number}`,
    remoteUri: `tel:${number}`,
    media: lineMedia(line, log),
    onFlash: () => {},
    hangUp: () => line.hangUp(),
    ended: line.ended.then((hangup) => ({
      by: 'remote',
      status: undefined,
      reason: reasonOf(endedByLine(hangup)),
    })),
  };
}

function lineMedia(line: LineCall, log: Logger): MediaSession {
  const toLine = timed();
  const fromLine = timed();
  line.connect((heard, spare) => {
    fromLine.put(heard);
    return toLine.buffer.take(heard.length, spare);
  });
  return {
    localDescription: '',
    applyRemote: () => {},
    play: (samples) => toLine.put(samples),
    take: (count, spare) => fromLine.buffer.take(count, spare),
    sendDigits(digits) {
      line.sendDigits(digits).catch((thrown) => log.warn('digits not sent', { reason: messageOf(thrown) }));
    },
    onDigit: (listener) => line.onDigit(listener),
    onFlash: () => {},
    get statistics() {
      const sent = { packetsSent: toLine.count(), packetsReceived: fromLine.count(), packetsLost: 0, jitterMs: 0 };
      return { ...sent, ...fromLine.buffer.report };
    },
    close: () => {},
  };
}

/** A buffer that is told the time by what was put into it. */
function timed() {
  const buffer = new JitterBuffer();
  let samples = 0;
  let pieces = 0;
  return {
    buffer,
    put(sound: Uint8Array) {
      buffer.put(samples >>> 0, sound);
      samples += sound.length;
      pieces++;
    },
    count: () => pieces,
  };
}
