import type { CredentialReport } from '#gateway/credential-keeper.ts';
import type { LiveCall } from '#gateway/live-calls.ts';
import type { PhoneHosts } from '#gateway/phone-hosts.ts';
import type { LineStatus, LineTraits } from '#pstn/line.ts';
import type { NodeStatus } from '#reload/node/reload-node.ts';

/** What `copperring status` shows. */
export interface Status {
  readonly roles: readonly string[];
  readonly state: string;
  readonly uptimeSeconds: number;
  readonly memoryMb: number;
  /** How late the event loop comes to its work, 99th percentile; sound suffers from 60 ms on. */
  readonly loopDelayP99Ms: number;
  readonly node: NodeStatus | undefined;
  /** The certificates of this node and of hosted phones. */
  readonly credentials: readonly CredentialReport[];
  readonly bootstrap: string | undefined;
  readonly enrollment: string | undefined;
  readonly sip: string | undefined;
  /** In the order of the configuration. */
  readonly lines: readonly (LineStatus & {
    readonly name: string;
    readonly emulated: boolean;
    /** Whether the overlay knows that calls can go over it. */
    readonly published: boolean;
    /** What the modem was taken for; undefined until it has said so. */
    readonly traits: LineTraits | undefined;
  })[];
  readonly phones: PhoneHosts['status'];
  /** `published`: whether the node stands in the overlay as a provider of voice mail. */
  readonly voiceMail:
    | {
        readonly published: boolean;
        readonly mailboxes: readonly { readonly user: string; readonly new: number; readonly old: number }[];
      }
    | undefined;
  readonly calls: readonly {
    readonly id: number;
    readonly direction: string;
    readonly state: string;
    readonly caller: string;
    readonly callee: string;
    /** Undefined until a line was chosen. */
    readonly line: string | undefined;
    /** How the answer became known. */
    readonly answer: LiveCall['answerKind'];
    readonly seconds: number;
  }[];
  /** Undefined when MQTT is not configured. */
  readonly mqtt: 'connected' | 'not connected' | undefined;
}

export function describeCall(call: LiveCall, now: number): Status['calls'][number] {
  const { id, state, startedAt, line, answerKind: answer } = call;
  const { direction, caller, callee } = call.info;
  return { id, direction, state, caller, callee, line, answer, seconds: Math.round((now - startedAt) / 1000) };
}
