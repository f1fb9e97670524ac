import { describe, expect, it } from 'vitest';
import { CLIENT_INVITE_START, stepClientInvite } from '#sip/transaction/client-invite.ts';
import { CLIENT_PLAIN_START, stepClientPlain } from '#sip/transaction/client-plain.ts';
import type { ClientEffect, ClientInput, ServerEffect, ServerInput, Step } from '#sip/transaction/machine.ts';
import { SERVER_INVITE_START, stepServerInvite } from '#sip/transaction/server-invite.ts';
import { SERVER_PLAIN_START, stepServerPlain } from '#sip/transaction/server-plain.ts';
import { DEFAULT_TIMERS, type MachineSettings, type TimerName } from '#sip/transaction/timers.ts';

const UDP: MachineSettings = { timers: DEFAULT_TIMERS, reliable: false };
const TCP: MachineSettings = { timers: DEFAULT_TIMERS, reliable: true };

/** Runs a machine over inputs; gives the last state's name and the effects of each input in short. */
function run<State extends { readonly name: string }, Input, Effect extends ClientEffect | ServerEffect>(
  start: State,
  step: (state: State, input: Input, settings: MachineSettings) => Step<State, Effect>,
  settings: MachineSettings,
  inputs: readonly Input[],
): { readonly name: string; readonly effects: string[] } {
  let state = start;
  const effects: string[] = [];
  for (const input of inputs) {
    const next = step(state, input, settings);
    state = next.state;
    effects.push(next.effects.map(short).join(' '));
  }
  return { name: state.name, effects };
}

function short(effect: ClientEffect | ServerEffect): string {
  if (effect.do === 'start') return `${effect.timer}=${effect.ms}`;
  if (effect.do === 'stop') return `-${effect.timer}`;
  return effect.do === 'fail' ? `fail:${effect.cause}` : effect.do;
}

const start: ClientInput = { type: 'start' };
const response = (status: number): ClientInput => ({ type: 'response', status });
const timer = (name: TimerName) => ({ type: 'timer', timer: name }) as const;
const broken = { type: 'transport-error' } as const;
const request: ServerInput = { type: 'request' };
const ack: ServerInput = { type: 'ack' };
const respond = (status: number): ServerInput => ({ type: 'respond', status });

describe('INVITE client transaction (RFC 3261 figure 5, RFC 6026 figure 3)', () => {
  const invite = (settings: MachineSettings, ...inputs: ClientInput[]) =>
    run(CLIENT_INVITE_START, stepClientInvite, settings, inputs);

  it('repeats over UDP at doubling intervals until Timer B', () => {
    expect(invite(UDP, start, timer('A'), timer('A'), timer('A'), timer('A'), timer('B'))).toEqual({
      name: 'terminated',
      effects: ['send A=500 B=32000', 'send A=1000', 'send A=2000', 'send A=4000', 'send A=8000', 'fail:timeout end'],
    });
  });

  it('does not repeat over a reliable transport', () => {
    expect(invite(TCP, start).effects).toEqual(['send B=32000']);
  });

  it('stops repeating at a provisional response and passes each one on', () => {
    expect(invite(UDP, start, response(100), response(180), timer('A'))).toEqual({
      name: 'proceeding',
      effects: ['send A=500 B=32000', '-A -B pass', '-A -B pass', ''],
    });
  });

  it('acknowledges a refusal, and its repetitions until Timer D', () => {
    expect(invite(UDP, start, response(486), response(486), timer('D'))).toEqual({
      name: 'terminated',
      effects: ['send A=500 B=32000', '-A -B acknowledge pass D=32000', 'acknowledge', 'end'],
    });
    expect(invite(TCP, start, response(486)).effects[1]).toBe('-A -B acknowledge pass end');
  });

  it('stays accepted after a 2xx and passes those of other forks on until Timer M', () => {
    expect(invite(UDP, start, response(200), response(200), response(486), timer('M'))).toEqual({
      name: 'terminated',
      effects: ['send A=500 B=32000', '-A -B pass M=32000', 'pass', '', 'end'],
    });
  });

  it('tells of a transport that failed', () => {
    expect(invite(UDP, start, broken).effects[1]).toBe('fail:transport end');
    expect(invite(UDP, start, response(180), broken).effects[2]).toBe('fail:transport end');
    expect(invite(UDP, start, response(486), broken).effects[2]).toBe('-D end');
  });
});

describe('Non-INVITE client transaction (RFC 3261 figure 6)', () => {
  const plain = (settings: MachineSettings, ...inputs: ClientInput[]) =>
    run(CLIENT_PLAIN_START, stepClientPlain, settings, inputs);

  it('repeats at intervals that double up to T2, until Timer F', () => {
    const e = timer('E');
    expect(plain(UDP, start, e, e, e, e, e, timer('F'))).toEqual({
      name: 'terminated',
      effects: [
        'send E=500 F=32000',
        'send E=1000',
        'send E=2000',
        'send E=4000',
        'send E=4000',
        'send E=4000',
        'fail:timeout end',
      ],
    });
  });

  it('repeats every T2 once there was a provisional response', () => {
    expect(plain(UDP, start, response(100), timer('E')).effects[2]).toBe('send E=4000');
  });

  it('absorbs repeated responses until Timer K, which is 0 on a reliable transport', () => {
    expect(plain(UDP, start, response(200), response(200), timer('K'))).toEqual({
      name: 'terminated',
      effects: ['send E=500 F=32000', '-E -F pass K=5000', '', 'end'],
    });
    expect(plain(TCP, start, response(200))).toEqual({
      name: 'terminated',
      effects: ['send F=32000', '-E -F pass end'],
    });
  });
});

describe('INVITE server transaction (RFC 3261 figure 7, RFC 6026 figure 2)', () => {
  const invite = (settings: MachineSettings, ...inputs: ServerInput[]) =>
    run(SERVER_INVITE_START, stepServerInvite, settings, inputs);

  it('answers 100 on its own when nobody else answers within 200 ms', () => {
    expect(invite(UDP, request, request, timer('trying'), request)).toEqual({
      name: 'proceeding',
      effects: ['trying=200 pass', '', 'send-trying', 'send'],
    });
  });

  it('repeats a refusal with T2 as the longest interval until the ACK, then absorbs ACKs until Timer I', () => {
    const g = timer('G');
    expect(invite(UDP, request, respond(486), g, g, g, g, request, ack, ack, timer('I'))).toEqual({
      name: 'terminated',
      effects: [
        'trying=200 pass',
        '-trying send G=500 H=32000',
        'send G=1000',
        'send G=2000',
        'send G=4000',
        'send G=4000',
        'send',
        '-G -H I=5000',
        '',
        'end',
      ],
    });
  });

  it('does not repeat a refusal over a reliable transport, and ends at the ACK', () => {
    expect(invite(TCP, request, respond(486), ack)).toEqual({
      name: 'terminated',
      effects: ['trying=200 pass', '-trying send H=32000', '-G -H end'],
    });
  });

  it('tells when no ACK came until Timer H', () => {
    expect(invite(UDP, request, respond(486), timer('H')).effects[2]).toBe('-G fail:timeout end');
  });

  it('stays accepted after a 2xx: passes ACKs and further 2xx, absorbs INVITEs, ends at Timer L', () => {
    expect(invite(UDP, request, respond(200), request, ack, respond(200), respond(486), broken, timer('L'))).toEqual({
      name: 'terminated',
      effects: ['trying=200 pass', '-trying send L=32000', '', 'pass-ack', 'send', '', 'fail:transport', 'end'],
    });
  });
});

describe('Non-INVITE server transaction (RFC 3261 figure 8)', () => {
  const plain = (settings: MachineSettings, ...inputs: ServerInput[]) =>
    run(SERVER_PLAIN_START, stepServerPlain, settings, inputs);

  it('says nothing to repetitions while trying, and repeats its answer afterwards until Timer J', () => {
    expect(
      plain(UDP, request, request, respond(100), request, respond(200), request, respond(500), timer('J')),
    ).toEqual({
      name: 'terminated',
      effects: ['pass', '', 'send', 'send', 'send J=32000', 'send', '', 'end'],
    });
  });

  it('ends with its answer over a reliable transport', () => {
    expect(plain(TCP, request, respond(200))).toEqual({ name: 'terminated', effects: ['pass', 'send end'] });
  });
});
