import type { ClientEffect, ClientInput, Step } from '#sip/transaction/machine.ts';
import type { MachineSettings } from '#sip/transaction/timers.ts';

/** Client transaction of every other method: RFC 3261 §17.1.2. */
export interface ClientPlainState {
  readonly name: 'initial' | 'trying' | 'proceeding' | 'completed' | 'terminated';
  /** Interval of Timer E in milliseconds. */
  readonly interval: number;
}

export const CLIENT_PLAIN_START: ClientPlainState = { name: 'initial', interval: 0 };

type PlainStep = Step<ClientPlainState, ClientEffect>;

export function stepClientPlain(state: ClientPlainState, input: ClientInput, settings: MachineSettings): PlainStep {
  switch (state.name) {
    case 'initial':
      return input.type === 'start' ? begin(settings) : { state, effects: [] };
    case 'trying':
    case 'proceeding':
      return waiting(state, input, settings);
    case 'completed':
      return input.type === 'timer' && input.timer === 'K' ? terminate(state, []) : { state, effects: [] };
    case 'terminated':
      return { state, effects: [] };
  }
}

function begin({ timers, reliable }: MachineSettings): PlainStep {
  const timeout = { do: 'start', timer: 'F', ms: 64 * timers.t1 } as const;
  const repeat = { do: 'start', timer: 'E', ms: timers.t1 } as const;
  return {
    state: { name: 'trying', interval: timers.t1 },
    effects: reliable ? [{ do: 'send' }, timeout] : [{ do: 'send' }, repeat, timeout],
  };
}

function waiting(state: ClientPlainState, input: ClientInput, settings: MachineSettings): PlainStep {
  switch (input.type) {
    case 'transport-error':
      return terminate(state, [{ do: 'fail', cause: 'transport' }]);
    case 'response':
      return answered(state, input.status, settings);
    case 'timer':
      if (input.timer === 'F') return terminate(state, [{ do: 'fail', cause: 'timeout' }]);
      return input.timer === 'E' ? repeat(state, settings) : { state, effects: [] };
    case 'start':
      return { state, effects: [] };
  }
}

/** RFC 3261 §17.1.2.2: doubling up to T2 while trying, every T2 once there was a provisional response. */
function repeat(state: ClientPlainState, { timers }: MachineSettings): PlainStep {
  const interval = state.name === 'proceeding' ? timers.t2 : Math.min(2 * state.interval, timers.t2);
  return { state: { ...state, interval }, effects: [{ do: 'send' }, { do: 'start', timer: 'E', ms: interval }] };
}

function answered(state: ClientPlainState, status: number, { timers, reliable }: MachineSettings): PlainStep {
  if (status < 200) return { state: { ...state, name: 'proceeding' }, effects: [{ do: 'pass' }] };
  const effects: ClientEffect[] = [{ do: 'stop', timer: 'E' }, { do: 'stop', timer: 'F' }, { do: 'pass' }];
  if (reliable) return terminate(state, effects);
  return { state: { ...state, name: 'completed' }, effects: [...effects, { do: 'start', timer: 'K', ms: timers.t4 }] };
}

function terminate(state: ClientPlainState, effects: readonly ClientEffect[]): PlainStep {
  return { state: { ...state, name: 'terminated' }, effects: [...effects, { do: 'end' }] };
}
