import { type ExamineOptions, examine } from '#pstn/doctor/examine.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import type { OpenSerial } from '#pstn/modem/serial-port.ts';
import type { VirtualClock } from '../../simulation/virtual-clock.ts';

/** The doctor's examination under a virtual clock. */
export function examineWith(
  { clock, openPort }: { readonly clock: VirtualClock; readonly openPort: OpenSerial },
  options: Partial<ExamineOptions> = {},
) {
  const explain = async (path: string, reason: string) => ({ what: `${path}: ${reason}`, remedy: 'none', fatal: true });
  return clock.run(
    examine(
      { clock, openPort, explain, progress: () => {} },
      {
        path: 'modem',
        baudRate: 115_200,
        country: 'US',
        profiles: builtInProfiles,
        linkBytesPerSecond: Number.POSITIVE_INFINITY,
        unmasked: false,
        ...options,
      },
    ),
  );
}
