import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import koffi from 'koffi';
import { spandspMissing } from './spandsp.ts';

/** libspandsp's line echo canceller and packet loss concealment, as baselines. */
const PLACES = ['x86_64-linux-gnu/', 'aarch64-linux-gnu/', 'arm-linux-gnueabihf/', ''];
const path = ['libspandsp.so.2', 'libspandsp.so.3']
  .flatMap((name) => PLACES.map((place) => `/usr/lib/${place}${name}`))
  .find((file) => existsSync(file));

/** echo.h: adapt; non-linear processor; comfort noise. */
const ADAPT = 1;
const NLP = 2;
const CNG = 4;

function load(): ReturnType<typeof koffi.load> {
  if (path === undefined) throw new Error(spandspMissing ?? 'libspandsp was not found');
  return koffi.load(path);
}

/** What its canceller with a tail of `taps` leaves of `heard`; `played` is the reference, without any bulk delay between them. */
export function spandspEchoLeft(
  played: Int16Array,
  heard: Int16Array,
  options: { readonly taps: number; readonly suppress: boolean },
): Float64Array {
  if (path === undefined) throw new Error(spandspMissing ?? 'libspandsp was not found');
  const directory = mkdtempSync(join(tmpdir(), 'copperring-spandsp-'));
  try {
    const file = (name: string) => join(directory, name);
    writeFileSync(file('played'), played);
    writeFileSync(file('heard'), heard);
    const mode = options.suppress ? ADAPT | NLP | CNG : ADAPT;
    const files = ['played', 'heard', 'left'].map(file);
    const args = [resolve('test/tools/spandsp-echo.mjs'), path, String(options.taps), String(mode), ...files];
    execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const left = readFileSync(file('left'));
    return Float64Array.from({ length: heard.length }, (_, i) => left.readInt16LE(2 * i));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What its concealment makes of a sound in packets of `packet` samples; `lost` says which are missing. */
export function spandspConcealed(sound: Int16Array, packet: number, lost: (n: number) => boolean): Int16Array {
  const library = load();
  const state = library.func('void *plc_init(void *s)')(null);
  const rx = library.func('int plc_rx(void *s, _Inout_ int16_t *amp, int len)');
  const fillIn = library.func('int plc_fillin(void *s, _Out_ int16_t *amp, int len)');
  const out = new Int16Array(sound.length);
  for (let at = 0, n = 0; at + packet <= sound.length; at += packet, n++) {
    const piece = sound.slice(at, at + packet);
    (lost(n) ? fillIn : rx)(state, piece, packet);
    out.set(piece, at);
  }
  library.func('int plc_free(void *s)')(state);
  return out;
}
