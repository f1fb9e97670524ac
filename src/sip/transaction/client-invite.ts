import type { ClientEffect, ClientInput, Step } from '#sip/transaction/machine.ts';
import type { MachineSettings } from '#sip/transaction/timers.ts';

/** INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2. */
export interface ClientInviteState {
  readonly name: 'initial' | 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
  /** Interval of Timer A in milliseconds. */
  readonly interval: number;
}

export const CLIENT_INVITE_START: ClientInviteState = { name: 'initial', interval: 0 };

export function stepClientInvite(
  state: ClientInviteState,
  input: ClientInput,
  settings: MachineSettings,
): Step<ClientInviteState, ClientEffect> {
  switch (state.name) {
    case 'initial':
      return input.type === 'start' ? begin(settings) : { state, effects: [] };
    case 'calling':
    case 'proceeding':
      return waiting(state, input, settings);
    case 'completed':
      return completed(state, input);
    case 'accepted':
      return accepted(state, input);
    case 'terminated':
      return { state, effects: [] };
  }
}

function begin({ timers, reliable }: MachineSettings): Step<ClientInviteState, ClientEffect> {
  const timeout = { do: 'start', timer: 'B', ms: 64 * timers.t1 } as const;
  const repeat = { do: 'start', timer: 'A', ms: timers.t1 } as const;
  return {
    state: { name: 'calling', interval: timers.t1 },
    effects: reliable ? [{ do: 'send' }, timeout] : [{ do: 'send' }, repeat, timeout],
  };
}

function waiting(
  state: ClientInviteState,
  input: ClientInput,
  settings: MachineSettings,
): Step<ClientInviteState, ClientEffect> {
  if (input.type === 'transport-error') return terminate(state, [{ do: 'fail', cause: 'transport' }]);
  if (input.type === 'response') return answered(state, input.status, settings);
  if (input.type !== 'timer' || state.name !== 'calling') return { state, effects: [] };
  if (input.timer === 'B') return terminate(state, [{ do: 'fail', cause: 'timeout' }]);
  if (input.timer !== 'A') return { state, effects: [] };
  // RFC 3261 §17.1.1.2: Timer A doubles without a cap; Timer B ends it after seven sendings.
  const interval = 2 * state.interval;
  return { state: { ...state, interval }, effects: [{ do: 'send' }, { do: 'start', timer: 'A', ms: interval }] };
}

function answered(
  state: ClientInviteState,
  status: number,
  { timers, reliable }: MachineSettings,
): Step<ClientInviteState, ClientEffect> {
  const stopped: ClientEffect[] = [
    { do: 'stop', timer: 'A' },
    { do: 'stop', timer: 'B' },
  ];
  if (status < 200) return { state: { ...state, name: 'proceeding' }, effects: [...stopped, { do: 'pass' }] };
  if (status < 300) {
    // RFC 6026 §7.2: stay to pass on 2xx of other forks and repeated ones.
    const linger = { do: 'start', timer: 'M', ms: 64 * timers.t1 } as const;
    return { state: { ...state, name: 'accepted' }, effects: [...stopped, { do: 'pass' }, linger] };
  }
  const effects: ClientEffect[] = [...stopped, { do: 'acknowledge' }, { do: 'pass' }];
  if (reliable) return terminate(state, effects);
  return { state: { ...state, name: 'completed' }, effects: [...effects, { do: 'start', timer: 'D', ms: timers.d }] };
}

function completed(state: ClientInviteState, input: ClientInput): Step<ClientInviteState, ClientEffect> {
  if (input.type === 'response' && input.status >= 300) return { state, effects: [{ do: 'acknowledge' }] };
  if (input.type === 'transport-error') return terminate(state, [{ do: 'stop', timer: 'D' }]);
  if (input.type === 'timer' && input.timer === 'D') return terminate(state, []);
  return { state, effects: [] };
}

function accepted(state: ClientInviteState, input: ClientInput): Step<ClientInviteState, ClientEffect> {
  if (input.type === 'response' && input.status >= 200 && input.status < 300)
    return { state, effects: [{ do: 'pass' }] };
  if (input.type === 'timer' && input.timer === 'M') return terminate(state, []);
  return { state, effects: [] };
}

function terminate(state: ClientInviteState, effects: readonly ClientEffect[]): Step<ClientInviteState, ClientEffect> {
  return { state: { ...state, name: 'terminated' }, effects: [...effects, { do: 'end' }] };
}
