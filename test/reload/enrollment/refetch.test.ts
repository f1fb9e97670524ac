import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '#platform/clock.ts';
import { systemRandom } from '#platform/random.ts';
import { signDocument } from '#reload/enrollment/found-overlay.ts';
import { refetchConfiguration } from '#reload/enrollment/refetch-configuration.ts';
import { CurrentConfiguration } from '#reload/overlay-config/current-configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { acceptFetchedConfiguration } from '#reload/security/configuration-signature.ts';
import { runServer } from './running-server.ts';

async function world() {
  const server = await runServer();
  onTestFinished(() => server.close());
  const { overlay } = server;
  const held = new CurrentConfiguration(readDocument(overlay.source.bytes, overlay.name));
  const asked: string[] = [];
  const deps = {
    clock: systemClock,
    random: systemRandom,
    async resolveSrv(name: string) {
      asked.push(name);
      return [{ name: 'localhost', port: server.port, priority: 0, weight: 0 }];
    },
  };
  return { server, held, asked, refetch: () => refetchConfiguration(deps, held) };
}

describe('a document fetched anew', () => {
  it('comes from the enrollment server of the document in force, whoever signed it meanwhile', async () => {
    const { server, held, asked, refetch } = await world();
    const { overlay } = server;
    expect(await refetch()).toBeUndefined();
    const successor = await overlay.identity('successor');
    const signers = { configurationSigners: [successor.nodeId], kindSigners: [successor.nodeId] };
    const changed = { ...overlay.source.current, ...signers, sequence: overlay.source.current.sequence + 3 };
    const document = signDocument(changed, successor);
    overlay.source.replace(readDocument(document, overlay.name));
    const found = await refetch();
    expect(Buffer.from(found ?? []).equals(document)).toBe(true);
    const inForce = { configuration: held.current, clock: systemClock };
    expect(acceptFetchedConfiguration(document, inForce).configuration.configurationSigners).toEqual([
      successor.nodeId,
    ]);
    expect(asked).toEqual([]);
  });

  it('comes from the configuration server that DNS names when the document names no enrollment server', async () => {
    const { server, held, asked, refetch } = await world();
    const { overlay } = server;
    held.replace({ configuration: { ...held.current, enrollmentServers: [] }, document: held.bytes });
    server.publish({ sequence: 9 });
    const found = await refetch();
    expect(readDocument(found ?? new Uint8Array(), overlay.name).configuration.sequence).toBe(9);
    expect(asked).toEqual(['_reload-config._tcp.home.example']);
    held.replace({ configuration: { ...held.current, rootCerts: [] }, document: held.bytes });
    expect(await refetch()).toBeUndefined();
    await server.close();
  });

  it('is not to be had where no server answers', async () => {
    const { server, held, refetch } = await world();
    held.replace({ configuration: { ...held.current, enrollmentServers: [] }, document: held.bytes });
    await server.close();
    await expect(refetch()).rejects.toMatchObject({ code: 'unreachable' });
  });
});
