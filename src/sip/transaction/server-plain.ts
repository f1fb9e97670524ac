import type { ServerEffect, ServerInput, Step } from '#sip/transaction/machine.ts';
import type { MachineSettings } from '#sip/transaction/timers.ts';

/** Server transaction of every method but INVITE and ACK: RFC 3261 §17.2.2. */
export interface ServerPlainState {
  readonly name: 'initial' | 'trying' | 'proceeding' | 'completed' | 'terminated';
}

export const SERVER_PLAIN_START: ServerPlainState = { name: 'initial' };

type PlainStep = Step<ServerPlainState, ServerEffect>;

export function stepServerPlain(state: ServerPlainState, input: ServerInput, settings: MachineSettings): PlainStep {
  switch (state.name) {
    case 'initial':
      return input.type === 'request'
        ? { state: { name: 'trying' }, effects: [{ do: 'pass' }] }
        : { state, effects: [] };
    case 'trying':
    case 'proceeding':
      return open(state, input, settings);
    case 'completed':
      return completed(state, input);
    case 'terminated':
      return { state, effects: [] };
  }
}

function open(state: ServerPlainState, input: ServerInput, { timers, reliable }: MachineSettings): PlainStep {
  switch (input.type) {
    case 'request':
      return { state, effects: state.name === 'proceeding' ? [{ do: 'send' }] : [] };
    case 'respond':
      if (input.status < 200) return { state: { name: 'proceeding' }, effects: [{ do: 'send' }] };
      if (reliable) return terminate([{ do: 'send' }]);
      return {
        state: { name: 'completed' },
        effects: [{ do: 'send' }, { do: 'start', timer: 'J', ms: 64 * timers.t1 }],
      };
    case 'transport-error':
      return terminate([{ do: 'fail', cause: 'transport' }]);
    case 'ack':
    case 'timer':
      return { state, effects: [] };
  }
}

function completed(state: ServerPlainState, input: ServerInput): PlainStep {
  if (input.type === 'request') return { state, effects: [{ do: 'send' }] };
  if (input.type === 'timer' && input.timer === 'J') return terminate([]);
  if (input.type === 'transport-error')
    return terminate([
      { do: 'stop', timer: 'J' },
      { do: 'fail', cause: 'transport' },
    ]);
  return { state, effects: [] };
}

function terminate(effects: readonly ServerEffect[]): PlainStep {
  return { state: { name: 'terminated' }, effects: [...effects, { do: 'end' }] };
}
