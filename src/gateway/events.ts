import type { CallOutcome } from '#gateway/call-record.ts';
import { type Logger, printable } from '#platform/log.ts';

/** What happens in the process, for people, for MQTT and for a parent process that waits for it. */
export type GatewayEvent =
  | {
      readonly event: 'ready';
      readonly overlay: string;
      readonly nodeId: string | undefined;
      readonly user: string | undefined;
      readonly roles: readonly string[];
      /** `host:port` of what this process listens on, when it does. */
      readonly bootstrap: string | undefined;
      readonly sip: string | undefined;
      readonly enrollment: string | undefined;
    }
  | { readonly event: 'joined'; readonly overlay: string; readonly nodeId: string }
  /** The node lost the overlay and is looking for it. */
  | { readonly event: 'isolated'; readonly overlay: string; readonly nodeId: string }
  | {
      readonly event: 'line';
      readonly line: string;
      readonly state: string;
      readonly emulated: boolean;
      readonly modem: string | undefined;
      readonly reason: string | undefined;
    }
  /** The gateway's records in the overlay. */
  | { readonly event: 'published'; readonly name: string; readonly namespaces: readonly string[] }
  | { readonly event: 'withdrawn'; readonly name: string; readonly reason: string }
  /** A phone's registration, and whether the overlay knows of it. */
  | {
      readonly event: 'registration';
      readonly aor: string;
      readonly state: 'registered' | 'published' | 'gone' | 'failed';
    }
  | {
      readonly event: 'call';
      readonly id: number;
      readonly direction: 'to-line' | 'from-line';
      readonly state: 'dialling' | 'ringing' | 'answered' | 'ended' | 'refused' | 'missed' | 'blocked';
      readonly caller: string;
      readonly callerName: string | undefined;
      readonly callee: string;
      /** The line's name; undefined while none is chosen. */
      readonly line: string | undefined;
      /** Why it ended or was refused. */
      readonly reason: string | undefined;
      /** ITU-T Q.850 cause value of the end. */
      readonly cause: number | undefined;
      /** What became of the call, once it is over. */
      readonly outcome: CallOutcome | undefined;
      /** How the answer became known. */
      readonly answer: 'none' | 'inferred' | 'real';
    }
  /** How the certificate of this node or of a hosted phone stands; each renewal is told too. */
  | {
      readonly event: 'credentials';
      readonly user: string;
      readonly state: 'valid' | 'failing' | 'ending' | 'expired' | 'not-yet-valid';
      /** Milliseconds since 1970. */
      readonly notAfter: number;
      /** Why the latest renewal failed. */
      readonly reason: string | undefined;
    }
  /** An emergency number was dialled over a line; `isTest` for a number that only the configuration treats as one. */
  | {
      readonly event: 'emergency';
      readonly id: number;
      readonly caller: string;
      readonly callee: string;
      readonly line: string | undefined;
      readonly isTest: boolean;
    }
  /** A second call waits on the line during a call. */
  | {
      readonly event: 'call-waiting';
      readonly id: number;
      readonly caller: string | undefined;
      readonly callerName: string | undefined;
    }
  /** A telephone on the same line was lifted or put down during a call. */
  | {
      readonly event: 'telephone';
      readonly id: number;
      readonly by: 'handset' | 'extension';
      readonly offHook: boolean;
    }
  /** A phone asked for a hook flash; `done` says whether the modem gave it. */
  | { readonly event: 'flash'; readonly id: number; readonly done: boolean }
  /** Pressed while two people talk; digits of PINs and of voice mail are not told. */
  | { readonly event: 'digit'; readonly id: number; readonly from: 'line' | 'phone'; readonly digit: string }
  /** What a mailbox holds, at the start and after each change. */
  | { readonly event: 'voice-mail'; readonly user: string; readonly new: number; readonly old: number }
  /** How many entries the lists of callers have, at the start and after each change. */
  | { readonly event: 'screening'; readonly allow: number; readonly block: number; readonly passed: number }
  | { readonly event: 'stopping' }
  | { readonly event: 'stopped' };

export type EventListener = (event: GatewayEvent) => void;

/** Tells every listener; a listener that throws harms nobody else. */
export class EventHub {
  readonly #logger: Logger;
  readonly #listeners: EventListener[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  on(listener: EventListener): void {
    this.#listeners.push(listener);
  }

  emit(event: GatewayEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (thrown) {
        this.#logger.error('a listener failed', { event: event.event, error: printable(String(thrown)) });
      }
    }
  }
}
