import { runProgram } from '#cli/program.ts';

const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => ending.abort(new Error(signal)));
}

process.exitCode = await runProgram(
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
