import { writeSync } from 'node:fs';
import { runProgram } from '#cli/program.ts';
import { messageOf } from '#platform/failure.ts';

const STDERR = 2;

const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    ending.abort(new Error(signal));
    // Commands that wait for input wait in vain from now on.
    process.stdin.destroy();
  });
}
// Whoever read the output is gone: an orderly end, as if told.
process.stdout.on('error', (error) => ending.abort(error));
process.stderr.on('error', () => {});
process.on('uncaughtException', (error) => {
  try {
    writeSync(STDERR, `copperring: ${error.stack ?? messageOf(error)}\n`);
  } finally {
    // exit() would wait for the database's thread, and that for this one when a transaction is open: a process that hangs is not
    // restarted, a killed one is.
    process.kill(process.pid, 'SIGKILL');
  }
});

const running = runProgram(
  {
    environment: process.env,
    program: process.argv[1] ?? '',
    input: process.stdin,
    output: process.stdout,
    errors: process.stderr,
    signal: ending.signal,
  },
  process.argv.slice(2),
);
// Not awaited here: in the bundle, modules that are loaded on demand come after this one and must get their turn.
running.then((status) => {
  process.exitCode = status;
});
