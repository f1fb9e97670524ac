import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MENU_START, type MenuEffect, type MenuInput, type MenuState, stepMenu } from '#gateway/voice-mail/menu.ts';

const digit = (key: string): MenuInput => ({ type: 'digit', digit: key });
const played: MenuInput = { type: 'played' };
const MESSAGES = [
  { id: 'old1', heard: true },
  { id: 'new1', heard: false },
  { id: 'new2', heard: false },
];
const START: MenuInput = { type: 'start', needsPin: false };

/** Runs inputs one after the other; gives the last state and the effects of the last input. */
function given(...inputs: readonly MenuInput[]): {
  readonly state: MenuState;
  readonly effects: readonly MenuEffect[];
} {
  let step: ReturnType<typeof stepMenu> = { state: MENU_START, effects: [] };
  for (const input of inputs) step = stepMenu(step.state, input);
  return step;
}

function listening(...inputs: readonly MenuInput[]) {
  return given(START, { type: 'messages', messages: MESSAGES }, ...inputs);
}

const did = ({ effects }: { readonly effects: readonly MenuEffect[] }) =>
  effects.map((effect) =>
    effect.do === 'prompt'
      ? `${effect.do} ${effect.prompt.say}`
      : 'id' in effect
        ? `${effect.do} ${effect.id}`
        : effect.do,
  );

describe('the menu of a mailbox', () => {
  it('counts the new messages, and plays them before those that were heard', () => {
    expect(did(given(START))).toEqual(['fetch']);
    const { effects } = listening();
    expect(effects[0]).toEqual({ do: 'prompt', prompt: { say: 'count', messages: 2 } });
    const order = ['1', '1', '1', '1'].map((_, i, keys) => did(listening(...keys.slice(0, i + 1).map(digit)))[0]);
    expect(order).toEqual(['play new1', 'play new2', 'play old1', 'prompt no-more']);
  });

  it('goes back, repeats and goes on by keys', () => {
    expect(did(listening(digit('1'), digit('2')))).toEqual(['play new1']);
    expect(did(listening(digit('2')))).toEqual(['play new1']);
    expect(did(listening(digit('1'), digit('1'), digit('7')))).toEqual(['play new1']);
    expect(did(listening(digit('1'), digit('7')))[0]).toBe('prompt no-more');
  });

  it('marks as heard what was played to its end, not what was skipped', () => {
    expect(did(listening(digit('1'), played))).toEqual(['heard new1', 'wait']);
    expect(did(listening(digit('1'), digit('1')))).toEqual(['play new2']);
    expect(did(listening(played))).toEqual(['wait']);
    expect(did(listening(digit('1'), { type: 'unplayable' }))).toEqual(['prompt wrong', 'wait']);
    expect(did(listening(digit('1'), { type: 'unplayable' }, played))).toEqual(['wait']);
  });

  it('deletes the message that was played last, and goes on with the one behind it', () => {
    expect(did(listening(digit('1'), digit('3')))).toEqual(['delete new1', 'prompt deleted', 'wait']);
    expect(did(listening(digit('1'), digit('3'), digit('1')))).toEqual(['play new2']);
    expect(did(listening(digit('1'), digit('3'), digit('3')))[0]).toBe('prompt wrong');
    expect(did(listening(digit('3')))[0]).toBe('prompt wrong');
  });

  it('records a greeting, and says whether it was kept', () => {
    expect(did(listening(digit('9')))).toEqual(['record']);
    expect(did(listening(digit('9'), digit('1')))).toEqual([]);
    expect(did(listening(digit('9'), { type: 'recorded', kept: true }))).toEqual(['prompt kept', 'wait']);
    expect(did(listening(digit('9'), { type: 'recorded', kept: false }))).toEqual(['prompt wrong', 'wait']);
    expect(did(listening(digit('9'), { type: 'recorded', kept: true }, digit('1')))).toEqual(['play new1']);
  });

  it('ends with #, after the last prompt, and when nobody presses anything', () => {
    expect(did(listening(digit('#')))).toEqual(['prompt goodbye', 'wait']);
    expect(did(listening(digit('#'), played))).toEqual(['end']);
    expect(did(listening({ type: 'timeout' }, { type: 'timeout' }))).toEqual(['end']);
    // Not while a message plays that is longer than the wait for a key.
    expect(did(listening(digit('1'), { type: 'timeout' }))).toEqual([]);
  });

  it('asks for the PIN, whole by # or by a pause, cleared by *', () => {
    const pin = [{ type: 'start', needsPin: true } as const];
    expect(did(given(...pin))).toEqual(['prompt pin', 'wait']);
    const typed = (...keys: string[]) => given(...pin, ...keys.map(digit)).effects;
    expect(typed('1', '2', '3', '4', '#')).toEqual([{ do: 'check-pin', pin: '1234' }]);
    expect(typed('9', '*', '1', '2', '3', '4', '#')).toEqual([{ do: 'check-pin', pin: '1234' }]);
    expect(typed(...'123456789012')).toEqual([{ do: 'check-pin', pin: '123456789012' }]);
    expect(given(...pin, ...[...'1234'].map(digit), { type: 'timeout' }).effects).toEqual([
      { do: 'check-pin', pin: '1234' },
    ]);
    expect(did(given(...pin, { type: 'timeout' }))[0]).toBe('prompt goodbye');
  });

  it('lets nobody in with wrong PINs: three in a call, or a locked mailbox, end it', () => {
    const wrong: readonly MenuInput[] = [digit('1'), digit('#'), { type: 'pin', verdict: 'wrong' }];
    const start: MenuInput = { type: 'start', needsPin: true };
    expect(did(given(start, ...wrong))).toEqual(['prompt wrong', 'wait']);
    expect(given(start, ...wrong, ...wrong, ...wrong).state.at).toBe('leaving');
    expect(given(start, digit('1'), digit('#'), { type: 'pin', verdict: 'locked' }).state.at).toBe('leaving');
    expect(did(given(start, digit('1'), digit('#'), { type: 'pin', verdict: 'right' }))).toEqual(['fetch']);
  });

  it('gives nothing of a mailbox out before the right PIN, whatever is pressed', () => {
    const input = fc.oneof(
      fc.constantFrom(...'0123456789*#ABCD').map(digit),
      fc.constantFrom<MenuInput>(
        played,
        { type: 'timeout' },
        { type: 'pin', verdict: 'wrong' },
        { type: 'messages', messages: MESSAGES },
        { type: 'recorded', kept: true },
        { type: 'start', needsPin: false },
      ),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
        let { state } = stepMenu(MENU_START, { type: 'start', needsPin: true });
        for (const each of inputs) {
          const step = stepMenu(state, each);
          state = step.state;
          expect(step.effects.map((effect) => effect.do)).not.toContain('fetch');
          expect(state.at === 'listening' || state.at === 'recording').toBe(false);
        }
      }),
    );
  });

  it('never stops answering: each state but the last waits for something that comes', () => {
    const input = fc.oneof(
      fc.constantFrom(...'123456789*#').map(digit),
      fc.constantFrom<MenuInput>(played, { type: 'timeout' }, { type: 'unplayable' }),
    );
    fc.assert(
      fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
        let { state } = listening();
        for (const each of inputs) {
          ({ state } = stepMenu(state, each));
          if (state.at === 'recording') ({ state } = stepMenu(state, { type: 'recorded', kept: true }));
        }
        // The message ends, then nobody presses anything.
        for (const each of [played, { type: 'timeout' }, { type: 'timeout' }] as const)
          ({ state } = stepMenu(state, each));
        expect(state.at).toBe('over');
      }),
    );
  });
});
