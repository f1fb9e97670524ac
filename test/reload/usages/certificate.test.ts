import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '#platform/log.ts';
import { CertificatePublisher } from '#reload/usages/certificate/certificate-publisher.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes } from '#reload/wire/ids.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { TEST_EPOCH } from '../../support/overlay.ts';
import { type Member, StorageRing } from '../storage/storage-ring.ts';

let clock: VirtualClock;
let ring: StorageRing;
let alice: Member;
let reader: Member;

beforeEach(async () => {
  clock = new VirtualClock(TEST_EPOCH);
  ring = await StorageRing.create({ clock, peers: 3 });
  alice = await ring.addClient('alice');
  reader = await ring.addClient('reader');
});
afterEach(() => ring.stop());

function publisherOf({ client, identity }: Member): CertificatePublisher {
  return new CertificatePublisher({ records: client, certificate: identity.certificate, clock, log: silentLogger });
}

async function fetched(kind: number, name: Uint8Array | string) {
  const { values } = await clock.run(reader.client.fetch({ resource: hashToResourceId(name), kind }));
  return values.map(({ place, value }) => [
    place.model === 'array' && place.index,
    Buffer.from(value).toString('base64'),
  ]);
}

const der = ({ identity }: Member) => Buffer.from(identity.certificate.der).toString('base64');

describe('certificates in the overlay', () => {
  it('R6940-8-01 R6940-8-02 are stored under the Node-ID and under the user name, as bare DER', async () => {
    await clock.run(publisherOf(alice).start());
    expect(await fetched(KindId.certificateByNode, idBytes(alice.nodeId))).toEqual([[0, der(alice)]]);
    expect(await fetched(KindId.certificateByUser, 'alice@home.example')).toEqual([[0, der(alice)]]);
  });

  it('R6940-8-03 go behind an older one, and are refreshed where they stand', async () => {
    await clock.run(publisherOf(alice).start());
    const renewed = ring.clientOf(await ring.overlay.identity('alice', { nodeId: alice.nodeId }));
    const publisher = publisherOf(renewed);
    await clock.run(publisher.start());
    await clock.advance(80_000_000);
    const expected = [
      [0, der(alice)],
      [1, der(renewed)],
    ];
    expect(await fetched(KindId.certificateByNode, idBytes(alice.nodeId))).toEqual(expected);
    expect(await fetched(KindId.certificateByUser, 'alice@home.example')).toEqual(expected);
    await clock.run(publisher.stop());
    expect(await fetched(KindId.certificateByUser, 'alice@home.example')).toHaveLength(2);
  });
});
