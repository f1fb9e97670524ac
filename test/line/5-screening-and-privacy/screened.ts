import { checkConfig } from '#config/check.ts';
import type { ConfigInput } from '#config/schema.ts';
import type { ScreeningConfig } from '#config/screening.ts';
import type { CallsSideDeps } from '#gateway/calls-side.ts';
import type { CallerScreening } from '#gateway/screening/caller-screening.ts';
import { type ScreeningCounts, ScreeningSide } from '#gateway/screening/screening-side.ts';
import type { Clock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { memoryStore } from '#store/memory-store.ts';
import type { SimulatedLine } from '../../pstn/simulated-line.ts';
import { TestGateway } from '../4-call-handling/test-gateway.ts';

export const ALICE = 'alice@home.example';

function screeningConfig(input: ConfigInput['screening']): ScreeningConfig {
  const checked = checkConfig({ screening: input });
  if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
  return checked.config.screening;
}

/** Lists and judgement on a store of the test's choice. */
export async function openScreening(
  input: ConfigInput['screening'],
  { clock, store = memoryStore() }: { readonly clock: Clock; readonly store?: KeyValueStore },
) {
  const told: ScreeningCounts[] = [];
  const changed = (counts: ScreeningCounts) => void told.push(counts);
  const side = new ScreeningSide({ clock, log: silentLogger, store, changed }, screeningConfig(input));
  return { side, judge: await side.open(), told };
}

/** A gateway whose one line is screened, and Alice's phone. `real`: a driver with an emulated modem in place of a fake line. */
export async function screenedGateway(
  input: ConfigInput['screening'],
  { real, ...deps }: Partial<CallsSideDeps> & { readonly real?: SimulatedLine } = {},
) {
  const opened: { judge?: CallerScreening } = {};
  const judge = () => {
    if (opened.judge === undefined) throw new Error('not opened yet');
    return opened.judge;
  };
  const gw = new TestGateway(
    { line: [{ device: 'fake', rings: [ALICE] }] },
    {
      screening: {
        judge: (callerId, line) => judge().judge(callerId, line),
        challenge: (call, callerId, signal) => judge().challenge(call, callerId, signal),
      },
      ...deps,
    },
    real,
  );
  const { side, judge: screening } = await openScreening(input, { clock: gw.clock });
  opened.judge = screening;
  return { gw, alice: gw.phone(ALICE), side };
}
