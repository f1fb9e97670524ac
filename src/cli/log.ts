import { type DestinationStream, destination, pino } from 'pino';
import type { LogFields, Logger, LogLevel } from '#platform/log.ts';

/** A logger that writes JSON lines to standard error, with the component's name in each. */
export interface ProcessLog {
  readonly logger: Logger;
  /** Writes what is still in memory; for the end of the process. */
  flush(): void;
}

const STDERR = 2;

export function openLog(level: LogLevel): ProcessLog {
  const stream = destination({ dest: STDERR, sync: false });
  return {
    logger: adapt(level, stream),
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Standard error is gone: nobody reads on.
      }
    },
  };
}

function adapt(level: LogLevel, stream: DestinationStream): Logger {
  const root = pino({ level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"` }, stream);
  const named = (name: string): Logger => {
    const write = (at: LogLevel) => (message: string, fields?: LogFields) => {
      root[at](name === '' ? { ...fields } : { component: name, ...fields }, message);
    };
    return {
      child: (part) => named(name === '' ? part : `${name}.${part}`),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
    };
  };
  return named('');
}
