import { describe, expect, it } from 'vitest';
import { AdmissionWait } from '#reload/topology/chord/admission-wait.ts';
import { fromNumber } from '#reload/topology/chord/ring.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import type { ChordUpdate } from '#reload/wire/update.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';

const node = (value: number) => fromNumber(BigInt(value)) as string as NodeId;
const [before, self, between, admitting] = [node(10), node(20), node(30), node(40)] as const;

function update(...predecessors: NodeId[]): ChordUpdate {
  return { uptime: 1, type: 'neighbors', predecessors, successors: [before] };
}

function begun() {
  const wait = new AdmissionWait({ clock: new VirtualClock(0), nodeId: self });
  let outcome = 'waits';
  const begin = (from = admitting) => {
    outcome = 'waits';
    wait.begin(from, 60_000, new AbortController().signal).then(
      () => {
        outcome = 'admitted';
      },
      (error) => {
        outcome = error.fault.code;
      },
    );
  };
  begin();
  const settled = async () => {
    await new Promise(setImmediate);
    return outcome;
  };
  return { wait, begin, settled };
}

describe("a joiner's wait for its admission", () => {
  it('ends with the Update that names it as first predecessor, in whatever order that lists them', async () => {
    const { wait, settled } = begun();
    expect(wait.take(admitting, update(before, self))).toEqual({ before });
    expect(await settled()).toBe('admitted');
  });

  it('goes on when the admitting peer tells of another change meanwhile', async () => {
    const { wait, settled } = begun();
    expect(wait.take(admitting, update(before))).toBe(undefined);
    expect(await settled()).toBe('waits');
    expect(wait.take(admitting, update(self, before))).toEqual({ before });
    expect(await settled()).toBe('admitted');
  });

  it('ends when another peer stands between the two', async () => {
    const { wait, settled } = begun();
    expect(wait.take(admitting, update(between, before))).toBe(undefined);
    expect(await settled()).toBe('superseded');
  });

  it('takes an admission that comes after it was superseded, before it asks again', async () => {
    const { wait, settled } = begun();
    wait.take(admitting, update(between));
    expect(await settled()).toBe('superseded');
    expect(wait.take(admitting, update(self, before))).toEqual({ before });
  });

  it('takes no admission of a peer that it did not ask, nor of one that an earlier join asked', () => {
    const { wait } = begun();
    expect(wait.take(between, update(self))).toBe(undefined);
    wait.reset();
    expect(wait.take(admitting, update(self))).toBe(undefined);
  });
});
