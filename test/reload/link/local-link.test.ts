import { describe, expect, it } from 'vitest';
import { localLinkPair } from '#reload/link/local-link.ts';
import type { Certificate } from '#reload/security/identity.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { Recorder, text } from './transport-contract.ts';

const end = (digit: string) => ({ nodeId: digit.repeat(32) as NodeId, certificate: {} as Certificate });

describe('links inside the process', () => {
  it('carry messages both ways in order, never inside send, and know each other', async () => {
    const [atA, atB] = localLinkPair(end('a'), end('b'));
    expect([atA.nodeId, atB.nodeId]).toEqual(['b'.repeat(32), 'a'.repeat(32)]);
    atA.send(text('before b looks'));
    const b = new Recorder(atB);
    atA.send(text('after'));
    expect(b.messages).toEqual([]);
    expect(await b.received(2)).toEqual(['before b looks', 'after']);
    const a = new Recorder(atA);
    atB.send(text('back'));
    expect(await a.received(1)).toEqual(['back']);
  });

  it('tell both ends when one closes', async () => {
    const [atA, atB] = localLinkPair(end('a'), end('b'));
    const [a, b] = [new Recorder(atA), new Recorder(atB)];
    atA.send(text('last'));
    atA.close();
    expect((await a.closed).code).toBe('closed');
    expect((await b.closed).code).toBe('closed');
    expect(b.messages).toEqual(['last']);
  });
});
