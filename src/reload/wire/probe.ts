import { type Infer, list8, list16, u8, u32 } from '#reload/wire/codec.ts';
import { selectOrKeep, struct } from '#reload/wire/struct.ts';

/** Numbers of the probe information types (RFC 6940 §14.11). */
export const ProbeInformationType = { responsibleSet: 1, numResources: 2, uptime: 3 } as const;

/** Body of a Probe request: the types wanted (RFC 6940 §6.4.2.5.1). */
export const probeReq = struct({ requestedInfo: list8(u8) });

const number = struct({ value: u32 });

/** One answer: the share of the ring in parts per billion, distinct Resource-IDs stored, seconds up; or a later type's bytes. */
const probeInformation = selectOrKeep(
  {
    responsible_set: [ProbeInformationType.responsibleSet, number],
    num_resources: [ProbeInformationType.numResources, number],
    uptime: [ProbeInformationType.uptime, number],
  },
  1,
);
export type ProbeInformation = Infer<typeof probeInformation>;

/** Body of the answer (RFC 6940 §6.4.2.5.2). */
export const probeAns = struct({ probeInfo: list16(probeInformation) });
