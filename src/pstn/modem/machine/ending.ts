import type { LineEvent, LineHangup, Telephone } from '#pstn/line.ts';
import { ended } from '#pstn/modem/machine/placing.ts';
import type { CallPosition, CallWatch, Effect, Step, Talking } from '#pstn/modem/machine/state.ts';
import { telephoneOf } from '#pstn/modem/machine/telephones.ts';
import { leaveStream } from '#pstn/modem/machine/transitions.ts';
import type { LineHeard } from '#pstn/supervision/line-ear.ts';

/** Samples in a second. */
const SECOND = 8000;
/** A voice within this time makes a tone doubtful that the modem reports. */
const VOICE_MS = 1000;
/** So long it is doubted: whoever spoke then speaks on, or does not. */
const DOUBT_MS = 800;
/** A modem that says it so often within so long is believed whatever we hear: a busy tone of another country, for one. */
const INSISTS = 3;
const INSISTS_WITHIN = 8 * SECOND;
/** No hand lifts a telephone and puts it down again so fast: the exchange interrupted the loop. */
const INTERRUPTION = SECOND;
/** One waiting call gives several tones. */
const WAITING_AGAIN = 20 * SECOND;
/** After a flash, dial tone and busy belong to the second call that is being made. */
const FLASH = 30 * SECOND;

/** Our own ear heard something in the middle of a call. */
export function heardInCall(state: Talking, what: LineHeard, heard: number): Step {
  switch (what) {
    case 'busy':
      return byTone(state, 'busy-tone', heard);
    case 'congestion':
      return byTone(state, 'congestion-tone', heard);
    case 'dial':
      return byTone(state, 'dial-tone', heard);
    case 'special-information':
      return byTone(state, 'special-information', heard);
    case 'silence':
      return leaveStream(state.modem, ended('silence'));
    case 'call-waiting':
      return callWaiting(state, heard);
    default:
      return { state, effects: [] };
  }
}

/** What a code of the modem says about a call (ITU-T V.253 table 14, with the vendors' additions); undefined for other codes. */
export function reportedInCall(state: Talking, code: string, position: CallPosition): Step | undefined {
  const telephone = telephoneOf(state.modem, code);
  if (telephone) return besides(state, telephone, position.heard);
  switch (code) {
    case 'b':
    case 'K':
      return reportedTone(state, 'busy-tone', position);
    case 'd':
    case 'i':
      return reportedTone(state, 'dial-tone', position);
    case 'J':
      return reportedTone(state, 'special-information', position);
    case 'l':
      return leaveStream(state.modem, ended(state.watch.reversed ? 'polarity-reversal' : 'loop-drop'));
    case 'L':
      return polarity(state);
    case 'w':
      return callWaiting(state, position.heard);
    case 's':
    case 'q':
      // The modem hears one side only: our own ear, which hears both, says when a call has gone silent.
      return { state, effects: [] };
    default:
      return undefined;
  }
}

/** The doubt about what the modem reported is over: a voice spoke on, or it did not. */
export function doubtOver(state: Talking, quietFor: number): Step {
  const { doubt } = state.watch;
  if (doubt === undefined) return { state, effects: [] };
  if (quietFor >= DOUBT_MS / 2) return leaveStream(state.modem, ended(doubt));
  const message = 'the modem reported the end of a call in which a voice goes on: not believed';
  return {
    state: { ...state, watch: { ...state.watch, doubt: undefined } },
    effects: [{ type: 'log', level: 'info', message, text: doubt }],
  };
}

function byTone(state: Talking, hangup: LineHangup, heard: number): Step {
  return isFlashed(state.watch, heard) ? { state, effects: [] } : leaveStream(state.modem, ended(hangup));
}

/** A modem takes some voices for tones, so a voice that our ear hears holds its report up. */
function reportedTone(state: Talking, hangup: LineHangup, { heard, quietFor }: CallPosition): Step {
  if (quietFor >= VOICE_MS || isFlashed(state.watch, heard)) return byTone(state, hangup, heard);
  const { watch } = state;
  const doubted = [...watch.doubted.filter((at) => heard - at < INSISTS_WITHIN), heard];
  if (doubted.length >= INSISTS) return byTone(state, hangup, heard);
  return {
    state: { ...state, watch: { ...watch, doubt: hangup, doubted } },
    effects: [{ type: 'set-timer', timer: 'doubt', ms: DOUBT_MS }],
  };
}

/** Called lines are reversed when the caller hangs up; calling lines at the answer, and back again at the end. */
function polarity(state: Talking): Step {
  const { outgoing, reversed } = state.watch;
  if (!outgoing || reversed) return leaveStream(state.modem, ended('polarity-reversal'));
  return {
    state: { ...state, watch: { ...state.watch, reversed: true } },
    effects: [{ type: 'connected', answer: { kind: 'real', by: 'polarity' } }],
  };
}

function besides(state: Talking, { by, offHook }: { by: Telephone; offHook: boolean }, heard: number): Step {
  const { droppedAt } = state.watch;
  if (by === 'extension' && !offHook && droppedAt !== undefined && heard - droppedAt <= INTERRUPTION) {
    return leaveStream(state.modem, ended('loop-drop'));
  }
  const watch = by === 'extension' ? { ...state.watch, droppedAt: offHook ? heard : undefined } : state.watch;
  return told({ ...state, watch }, { type: 'telephone', by, offHook });
}

function callWaiting(state: Talking, heard: number): Step {
  const { waitingAt } = state.watch;
  const watch = { ...state.watch, waitingAt: heard };
  if (waitingAt !== undefined && heard - waitingAt < WAITING_AGAIN) return { state: { ...state, watch }, effects: [] };
  return told({ ...state, watch }, { type: 'call-waiting', callerId: undefined });
}

function told(state: Talking, event: LineEvent): Step {
  const effect: Effect = { type: 'line-event', event };
  return { state, effects: [effect] };
}

function isFlashed({ flashedAt }: CallWatch, heard: number): boolean {
  return flashedAt !== undefined && heard - flashedAt < FLASH;
}
