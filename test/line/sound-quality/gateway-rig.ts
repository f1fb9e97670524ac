import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Child, type ChildEvent } from '#demo/child.ts';
import { type OwnOverlay, ownOverlay } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';

const program = resolve('dist/copperring.mjs');
const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };

/** What the gateway's log says of a call at its end. */
export interface CallLog {
  readonly underruns: number;
  readonly overruns: number;
  readonly concealedMs: number;
  readonly targetMs: number;
  readonly bufferMs: number;
  readonly packetsLost: number;
  readonly packetsLate: number;
  readonly packetsReceived: number;
  readonly echoDelayMs?: number;
  readonly echoLossDb: number;
  readonly gainDb: number;
}

/** A gateway in a process of its own on an emulated line in another one. */
export interface GatewayRig {
  readonly directory: string;
  readonly emulator: LineEmulator;
  readonly gateway: Child;
  readonly account: OwnOverlay['phone'] & { readonly proxy: string };
  /** Waits for the end of the call whose log stands behind this mark of the gateway's output. */
  callLog(since: number): Promise<CallLog>;
  stop(): Promise<void>;
}

export async function startGateway(): Promise<GatewayRig> {
  const directory = await mkdtemp(join(tmpdir(), 'copperring-sound-'));
  const link = join(directory, 'modem');
  const emulator = await LineEmulator.start(deps, { program, link });
  const own = await ownOverlay(deps, directory);
  const gateway = new Child('gateway', process.execPath, [program, 'run', '--json-events'], {
    environment: {
      COPPERRING_STATE: directory,
      COPPERRING_LOG_LEVEL: 'info',
      COPPERRING_LINE__EMULATED: 'false',
      COPPERRING_LINE__DEVICE: link,
      COPPERRING_SIP__LISTEN: '127.0.0.1:0',
    },
  });
  const ready = await gateway.event('ready', 30_000);
  await gateway.event((event) => event.event === 'line' && event.state === 'idle', 20_000);
  return {
    directory,
    emulator,
    gateway,
    account: { ...own.phone, proxy: String(ready.sip) },
    async callLog(since) {
      const isIt = (event: ChildEvent) => event.event === 'line' && String(event.text).includes('"call over"');
      const { text } = await gateway.event(isIt, 10_000, since);
      return JSON.parse(String(text));
    },
    async stop() {
      await gateway.stop();
      await emulator.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
