import type { ServerEffect, ServerInput, Step } from '#sip/transaction/machine.ts';
import type { MachineSettings } from '#sip/transaction/timers.ts';

/** INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. */
export interface ServerInviteState {
  readonly name: 'initial' | 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated';
  /** Interval of Timer G in milliseconds. */
  readonly interval: number;
  /** Whether any response was sent yet, so that a repeated request has something to repeat. */
  readonly responded: boolean;
}

export const SERVER_INVITE_START: ServerInviteState = { name: 'initial', interval: 0, responded: false };

type InviteStep = Step<ServerInviteState, ServerEffect>;

export function stepServerInvite(state: ServerInviteState, input: ServerInput, settings: MachineSettings): InviteStep {
  switch (state.name) {
    case 'initial':
      if (input.type !== 'request') return { state, effects: [] };
      return {
        state: { ...state, name: 'proceeding' },
        effects: [{ do: 'start', timer: 'trying', ms: settings.timers.trying }, { do: 'pass' }],
      };
    case 'proceeding':
      return proceeding(state, input, settings);
    case 'completed':
      return completed(state, input, settings);
    case 'confirmed':
      return input.type === 'timer' && input.timer === 'I' ? terminate(state, []) : { state, effects: [] };
    case 'accepted':
      return accepted(state, input);
    case 'terminated':
      return { state, effects: [] };
  }
}

function proceeding(state: ServerInviteState, input: ServerInput, settings: MachineSettings): InviteStep {
  switch (input.type) {
    case 'request':
      return { state, effects: state.responded ? [{ do: 'send' }] : [] };
    case 'respond':
      return respond(state, input.status, settings);
    case 'timer':
      if (input.timer !== 'trying') return { state, effects: [] };
      return { state: { ...state, responded: true }, effects: [{ do: 'send-trying' }] };
    case 'transport-error':
      return terminate(state, [
        { do: 'stop', timer: 'trying' },
        { do: 'fail', cause: 'transport' },
      ]);
    case 'ack':
      return { state, effects: [] };
  }
}

function respond(state: ServerInviteState, status: number, { timers, reliable }: MachineSettings): InviteStep {
  const sent: ServerEffect[] = [{ do: 'stop', timer: 'trying' }, { do: 'send' }];
  if (status < 200) return { state: { ...state, responded: true }, effects: sent };
  if (status < 300) {
    // RFC 6026 §7.1: retransmitting 2xx is the user's business; the transaction stays to absorb repeated INVITEs.
    return {
      state: { ...state, name: 'accepted', responded: true },
      effects: [...sent, { do: 'start', timer: 'L', ms: 64 * timers.t1 }],
    };
  }
  if (!reliable) sent.push({ do: 'start', timer: 'G', ms: timers.t1 });
  return {
    state: { name: 'completed', interval: timers.t1, responded: true },
    effects: [...sent, { do: 'start', timer: 'H', ms: 64 * timers.t1 }],
  };
}

function completed(state: ServerInviteState, input: ServerInput, { timers, reliable }: MachineSettings): InviteStep {
  const stopped: ServerEffect[] = [
    { do: 'stop', timer: 'G' },
    { do: 'stop', timer: 'H' },
  ];
  switch (input.type) {
    case 'request':
      return { state, effects: [{ do: 'send' }] };
    case 'ack':
      if (reliable) return terminate(state, stopped);
      return {
        state: { ...state, name: 'confirmed' },
        effects: [...stopped, { do: 'start', timer: 'I', ms: timers.t4 }],
      };
    case 'timer': {
      if (input.timer === 'H')
        return terminate(state, [
          { do: 'stop', timer: 'G' },
          { do: 'fail', cause: 'timeout' },
        ]);
      if (input.timer !== 'G') return { state, effects: [] };
      const interval = Math.min(2 * state.interval, timers.t2);
      return { state: { ...state, interval }, effects: [{ do: 'send' }, { do: 'start', timer: 'G', ms: interval }] };
    }
    case 'transport-error':
      return terminate(state, [...stopped, { do: 'fail', cause: 'transport' }]);
    case 'respond':
      return { state, effects: [] };
  }
}

function accepted(state: ServerInviteState, input: ServerInput): InviteStep {
  if (input.type === 'ack') return { state, effects: [{ do: 'pass-ack' }] };
  // A repeated 2xx, or one of another fork that a proxy passes on.
  if (input.type === 'respond')
    return { state, effects: input.status >= 200 && input.status < 300 ? [{ do: 'send' }] : [] };
  // RFC 6026 §7.1: an error ahead does not end the state; the user is told.
  if (input.type === 'transport-error') return { state, effects: [{ do: 'fail', cause: 'transport' }] };
  return input.type === 'timer' && input.timer === 'L' ? terminate(state, []) : { state, effects: [] };
}

function terminate(state: ServerInviteState, effects: readonly ServerEffect[]): InviteStep {
  return { state: { ...state, name: 'terminated' }, effects: [...effects, { do: 'end' }] };
}
