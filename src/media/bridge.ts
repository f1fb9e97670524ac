import type { MediaSession } from '#media/session.ts';

/**
 * Joins a line with a media session. The line is the master clock: each piece it heard goes to the session, and exactly as
 * much of the peer's sound comes out of the jitter buffer, which absorbs the difference between the clocks.
 */
export function createSampleExchange(session: MediaSession): (heard: Uint8Array) => Uint8Array {
  return (heard) => {
    session.play(heard);
    return session.take(heard.length);
  };
}
