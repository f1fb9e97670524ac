import { runProgram } from '#cli/program.ts';

const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => ending.abort(new Error(signal)));
}

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
