/** A SIP phone as the demo drives it: baresip, or Copperring's own. It sends one steady tone and records what it hears. */
export interface Phone {
  readonly program: 'baresip' | 'copperring';
  /** Calls `number` at the proxy and resolves when the call is answered. */
  dial(number: string, timeoutMs: number): Promise<void>;
  /** Resolves when the phone rings. */
  rings(timeoutMs: number): Promise<{ readonly callerId: string }>;
  answer(timeoutMs: number): Promise<void>;
  sendDigits(digits: string): Promise<void>;
  hangUp(): Promise<void>;
  callEnded(timeoutMs: number): Promise<void>;
  /** Measured in the phone's own recordings of its latest call, once that has ended. */
  measure(): Promise<{ readonly sentHz: number; readonly heardHz: number }>;
  stop(): Promise<void>;
}

export interface PhoneAccount {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  /** Where the proxy listens, for example `127.0.0.1:5060`. */
  readonly proxy: string;
  /** UDP by default. */
  readonly transport?: 'udp' | 'tcp';
}
