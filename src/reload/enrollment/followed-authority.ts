import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import { AUTHORITY_FILES, loadAuthority, type StoredAuthority } from '#reload/enrollment/authority-directory.ts';
import type { ServerCredentials } from '#reload/enrollment/enrollment-server.ts';
import type { Issuer } from '#reload/enrollment/x509-writer.ts';
import type { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';

/** An overlay's folder as a running server works by it: what an operator's command changes there counts from the next request on. */
export class FollowedAuthority {
  readonly configuration: CurrentConfiguration;
  readonly #directory: string;
  readonly #log: Logger;
  #stored: StoredAuthority;
  #state: string;

  private constructor(directory: string, log: Logger, loaded: { stored: StoredAuthority; state: string }) {
    this.#directory = directory;
    this.#log = log;
    this.#stored = loaded.stored;
    this.#state = loaded.state;
    this.configuration = loaded.stored.configuration;
  }

  /** Rejects as `loadAuthority` does. */
  static async open(directory: string, log: Logger): Promise<FollowedAuthority> {
    const state = await stateOf(directory);
    return new FollowedAuthority(directory, log, { stored: await loadAuthority(directory), state });
  }

  get overlayName(): string {
    return this.#stored.overlayName;
  }

  get issuer(): Issuer {
    return this.#stored.issuer;
  }

  get server(): ServerCredentials {
    return { certificateChain: this.#stored.serverChain, privateKey: this.#stored.serverKey };
  }

  /** Reads the folder again if it changed. Resolves with the HTTPS server's key and certificate when these are new. */
  async refresh(): Promise<ServerCredentials | undefined> {
    const state = await stateOf(this.#directory);
    if (state === this.#state) return undefined;
    const before = this.#stored;
    try {
      const stored = await loadAuthority(this.#directory);
      this.#stored = stored;
      this.#state = state;
      const { current, bytes } = stored.configuration;
      this.configuration.replace({ configuration: current, document: bytes });
      this.#log.info('the overlay changed', { sequence: current.sequence });
    } catch (thrown) {
      // Half-way through a change: the next request looks again.
      this.#log.warn('the changed overlay cannot be read', { reason: messageOf(thrown) });
    }
    return this.#stored.serverChain === before.serverChain ? undefined : this.server;
  }
}

/** Changes whenever one of the files is replaced: replacing makes a new file with its own number. */
async function stateOf(directory: string): Promise<string> {
  const states = AUTHORITY_FILES.map(async (name) => {
    try {
      const { ino, size, mtimeNs } = await stat(join(directory, name), { bigint: true });
      return `${ino} ${size} ${mtimeNs}`;
    } catch {
      return 'missing';
    }
  });
  return (await Promise.all(states)).join('\n');
}
