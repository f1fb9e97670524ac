import { hangUpFromLine, ringIn } from '#demo/acts/inbound.ts';
import type { Draw } from '#demo/draw.ts';
import type { PeerLost } from '#demo/report.ts';
import { placeOf, successionOf } from '#demo/ring.ts';
import type { Member, Scene } from '#demo/scene.ts';

/** Where a record lies. */
interface RecordName {
  readonly resource: string;
  readonly kind: number;
}

const RECOVERY_MS = 20_000;
const RETRY_MS = 200;
const SOUND_MS = 3000;

/**
 * Loses the peer that is responsible for the callee's registration in the middle of a call, by SIGKILL or SIGSTOP. The call has to go
 * on, and every record that the overlay held has to be there for every survivor.
 */
export async function losePeer(scene: Scene, draw: Draw, how: 'SIGKILL' | 'SIGSTOP'): Promise<PeerLost> {
  const survivorsOf = (lost: Member) => [...scene.members.values()].filter((member) => member !== lost);
  const [responsible] = successionOf(placeOf(scene.callee), scene.ring);
  if (!responsible) throw new Error('the ring is empty');
  const call = await ringIn(scene, draw);
  const names = await recordsOf(scene);
  responsible.child.signal(how);
  const before = await scene.line.report();
  const lostAt = performance.now();
  const missing = await untilAllFetched(scene, survivorsOf(responsible), names);
  const recoveredMs = Math.round(performance.now() - lostAt);
  const heardMore = await hearsMore(scene, before.call?.toneWindows ?? 0);
  const ended = scene.line.events.slice(call.since).some(({ event }) => event === 'call-ended');
  await hangUpFromLine(scene, call);
  if (how === 'SIGKILL') scene.members.delete(responsible.name);
  else responsible.child.signal('SIGCONT');
  const callSurvived = heardMore && !ended;
  // Several survivors may miss the same record.
  const recordsLost = new Set(missing.map((fetch) => fetch.split(' through ')[0])).size;
  return { callSurvived, records: names.length, recordsLost, missing, recoveredMs };
}

/** Whether the exchange goes on hearing the phone. The records may be whole again sooner than it has heard another piece of tone. */
async function hearsMore(scene: Scene, windows: number): Promise<boolean> {
  for (const deadline = performance.now() + SOUND_MS; performance.now() < deadline; ) {
    const { call } = await scene.line.report();
    if ((call?.toneWindows ?? 0) > windows) return true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return false;
}

/** What all members hold, each record once; places whose values were all removed are left out. */
async function recordsOf(scene: Scene): Promise<readonly RecordName[]> {
  const names = new Map<string, RecordName>();
  for (const member of scene.ring) {
    for (const name of (await scene.ask(member, { command: 'records' })) as readonly RecordName[]) {
      names.set(`${name.kind} ${name.resource}`, name);
    }
  }
  const witness = scene.member('client');
  const all = [...names.values()];
  const there = await Promise.all(all.map((name) => isThere(scene, witness, name)));
  return all.filter((_, index) => there[index]);
}

/** Fetches every record through every survivor until nothing is missing; gives what still is when time is up. */
async function untilAllFetched(
  scene: Scene,
  survivors: readonly Member[],
  names: readonly RecordName[],
): Promise<readonly string[]> {
  let missing = survivors.flatMap((member) => names.map((name) => ({ member, name })));
  const deadline = performance.now() + RECOVERY_MS;
  while (missing.length > 0 && performance.now() < deadline) {
    const found = await Promise.all(missing.map(({ member, name }) => isThere(scene, member, name)));
    missing = missing.filter((_, index) => found[index] !== true);
    if (missing.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return missing.map(({ member, name }) => `${name.resource} (kind ${name.kind}) through ${member.name}`);
}

async function isThere(scene: Scene, member: Member, name: RecordName): Promise<boolean> {
  try {
    const values = await scene.ask(member, { command: 'fetch', ...name });
    return typeof values === 'number' && values > 0;
  } catch {
    // The request went to the lost peer: it is asked again.
    return false;
  }
}
