import type { GatewayEvent } from '#gateway/events.ts';
import { PacedSound, Recorder } from '#media/paced.ts';
import { dominantFrequencyOfMulaw } from '#media/spectrum.ts';
import { ToneGenerator } from '#media/tones.ts';
import { systemClock } from '#platform/clock.ts';
import type { Call } from '#sip/ua/call-engine.ts';

/** Events of an application, awaited one after the other. */
export class Events {
  readonly all: GatewayEvent[] = [];
  #wake: () => void = () => {};

  readonly listen = (event: GatewayEvent) => {
    this.all.push(event);
    this.#wake();
  };

  async until(matches: (event: GatewayEvent) => boolean, since = 0): Promise<GatewayEvent> {
    for (;;) {
      const found = this.all.slice(since).find(matches);
      if (found) return found;
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
  }
}

/** Plays a tone into a call and records what comes back. */
export async function talk(call: Call, hz: number, ms: number): Promise<Recorder> {
  const sink = new Recorder(30);
  const sound = new PacedSound(systemClock, call.media, { source: new ToneGenerator([hz]), sink });
  sound.start();
  await new Promise((wake) => setTimeout(wake, ms));
  sound.stop();
  return sink;
}

/** The tone in a recording: the median of its clean windows of 100 ms, since a busy machine leaves gaps in between. */
export function heardHz(sink: Recorder): number | undefined {
  const found: number[] = [];
  for (let at = 0; at + 800 <= sink.sound.length; at += 800) {
    const measured = dominantFrequencyOfMulaw(sink.sound.subarray(at, at + 800));
    if (measured && measured.purity > 0.9) found.push(measured.frequency);
  }
  return found.sort((a, b) => a - b)[found.length >> 1];
}
