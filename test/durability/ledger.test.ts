import { beforeEach, describe, expect, it } from 'vitest';
import { Ledger, type Sight } from './ledger.ts';
import { Watermarks } from './watermarks.ts';

const RECORD = 'owner/1/dictionary';
const HOLDERS = new Set(['A', 'B']);

let ledger: Ledger;
beforeEach(() => {
  ledger = new Ledger();
});

/** Begins a Store of value (true) or removal (false) at each place. */
function begin(writes: Record<string, boolean>) {
  return ledger.begin(
    RECORD,
    Object.entries(writes).map(([place, exists]) => ({ place, exists })),
  );
}

function store(writes: Record<string, boolean>, generation = 1) {
  const attempt = begin(writes);
  ledger.acknowledge(attempt, generation, HOLDERS);
  return attempt;
}

function textOf(attempt: ReturnType<typeof begin>, place: string): string | null {
  return attempt.writes.find((write) => write.place === place)?.text ?? null;
}

function judge(values: Record<string, string | null>, { keepsRemovals = true, generation = 9 } = {}): string[] {
  const sight: Sight = { generation, values: new Map(Object.entries(values)) };
  return ledger.judge(RECORD, ledger.debts().get(RECORD), sight, keepsRemovals);
}

describe('the ledger that judges the rounds of kill -9', () => {
  it('is content with what was acknowledged, with what came later, and with an attempt that did not happen', () => {
    const first = store({ a: true });
    expect(judge({ a: textOf(first, 'a') })).toEqual([]);
    const open = begin({ a: true });
    expect(judge({ a: textOf(first, 'a') })).toEqual([]);
    expect(judge({ a: textOf(open, 'a') })).toEqual([]);
  });

  it('sees a lost value and an older one that is back', () => {
    const first = store({ a: true });
    store({ a: true });
    expect(judge({})).toEqual([expect.stringContaining('a value is lost')]);
    expect(judge({ a: null })).toEqual([expect.stringContaining('a value is lost')]);
    expect(judge({ a: textOf(first, 'a') })).toEqual([expect.stringContaining('older version 1 is back')]);
  });

  it('sees a removed value that is back, and on disk a removal that is lost', () => {
    const first = store({ a: true });
    store({ a: false });
    expect(judge({ a: null })).toEqual([]);
    expect(judge({}, { keepsRemovals: false })).toEqual([]);
    expect(judge({ a: textOf(first, 'a') })).toEqual([expect.stringContaining('removed version 1 is back')]);
    expect(judge({})).toEqual([expect.stringContaining('a removal is lost')]);
  });

  it('takes absence where a removal may have happened, but no value that the acknowledged one replaced', () => {
    const lost = begin({ a: true });
    ledger.abandon(lost);
    const second = store({ a: true });
    begin({ a: false });
    expect(judge({ a: textOf(second, 'a') })).toEqual([]);
    expect(judge({ a: null })).toEqual([]);
    expect(judge({ a: textOf(lost, 'a') })).toEqual([expect.stringContaining('older version 1 is back')]);
  });

  it('sees values that nobody stored there, and half of a Store', () => {
    const both = begin({ a: true, b: true });
    expect(judge({ a: textOf(both, 'a'), b: textOf(both, 'b') })).toEqual([]);
    expect(judge({ a: textOf(both, 'a') })).toEqual([expect.stringContaining('b: a value is lost')]);
    expect(judge({ a: 'garbage' })).toEqual([expect.stringContaining('nobody stored')]);
    expect(judge({ a: textOf(both, 'b') }).join()).toContain('nobody stored');
    expect(judge({ c: null })).toEqual([expect.stringContaining('nobody asked for')]);
  });

  it('sees a generation counter that went back', () => {
    const attempt = store({ a: true }, 7);
    expect(judge({ a: textOf(attempt, 'a') }, { generation: 7 })).toEqual([]);
    expect(judge({ a: textOf(attempt, 'a') }, { generation: 6 })).toEqual([expect.stringContaining('generation 6')]);
  });

  it('holds to account only those that had it before the answer left', () => {
    store({ a: true });
    expect([...(ledger.debts('A').get(RECORD)?.floors ?? [])]).toEqual([['a', 1]]);
    expect(ledger.debts('C').size).toBe(0);
  });

  it('sees storage times that go back', () => {
    const watermarks = new Watermarks();
    const image = (storageTime: number) => ({
      records: [
        { kind: 1, resource: 'r', generation: 1, values: [{ place: '', storageTime, text: undefined }] },
      ] as unknown as Parameters<Watermarks['check']>[1]['records'],
    });
    expect(watermarks.check('A', image(5))).toEqual([]);
    expect(watermarks.check('A', image(4))).toEqual([expect.stringContaining('storage time 4 after 5')]);
    expect(watermarks.check('B', image(4))).toEqual([]);
  });
});
