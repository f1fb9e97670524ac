// node spandsp-echo.mjs LIBRARY TAPS MODE PLAYED HEARD LEFT: libspandsp's line echo canceller on files of 16-bit samples.
// In a process of its own because the library prints to standard output.
import { readFileSync, writeFileSync } from 'node:fs';
import koffi from 'koffi';

const [path, taps, mode, playedFile, heardFile, leftFile] = process.argv.slice(2);
const samplesOf = (file) => {
  const bytes = readFileSync(file);
  return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
};
const library = koffi.load(path);
const state = library.func('void *echo_can_init(int len, int mode)')(Number(taps), Number(mode));
const update = library.func('int16_t echo_can_update(void *ec, int16_t tx, int16_t rx)');
const played = samplesOf(playedFile);
writeFileSync(
  leftFile,
  samplesOf(heardFile).map((sample, i) => update(state, played[i] ?? 0, sample)),
);
