import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readForm, readParameters, writeForm } from '#reload/enrollment/multipart.ts';

const TYPE = 'multipart/form-data; boundary=xyz';
const form = (text: string, type = TYPE) => readForm(type, Buffer.from(text, 'latin1'));
const part = (name: string, value: string) =>
  `--xyz\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

describe('multipart/form-data', () => {
  it('gives back what was written, any bytes included', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (data, text) => {
        const fields = new Map([
          ['csr', { data, contentType: 'application/pkcs10', fileName: 'r.p10' }],
          ['username', { data: text }],
        ]);
        const { contentType, body } = writeForm('random-boundary-4711', fields);
        const read = readForm(contentType, body)!;
        expect(new Uint8Array(read.get('csr')!.data)).toEqual(data);
        expect(read.get('csr')!.contentType).toBe('application/pkcs10');
        expect(Buffer.from(read.get('username')!.data)).toEqual(Buffer.from(text));
      }),
    );
  });

  it('reads preamble, epilogue, blanks behind boundaries, quoted and escaped parameters', () => {
    const body = `preamble\r\n--x y\t \r\ncontent-disposition:form-data;  NAME="a\\"b" ; filename="x;y"\r\nContent-Type: Text/Plain; charset=utf-8\r\n\r\n1\r\n2\r\n--x y--\r\nepilogue`;
    const read = form(body, 'Multipart/Form-Data; boundary="x y"')!;
    expect([...read.keys()]).toEqual(['a"b']);
    expect(Buffer.from(read.get('a"b')!.data).toString()).toBe('1\r\n2');
    expect(read.get('a"b')!.contentType).toBe('text/plain');
    expect(readParameters('a; b; c="d')[1].get('c')).toBe('"d');
  });

  it('refuses what is no form, is cut off, or names a field twice', () => {
    const whole = `${part('a', '1')}--xyz--`;
    expect(form(whole)).toBeDefined();
    for (let length = 0; length < whole.length; length++)
      expect(form(whole.slice(0, length)), `${length}`).toBeUndefined();
    expect(form(`${part('a', '1')}${part('a', '2')}--xyz--`)).toBeUndefined();
    expect(form(whole, 'application/x-www-form-urlencoded')).toBeUndefined();
    expect(form(whole, 'multipart/form-data')).toBeUndefined();
    expect(form(whole, `multipart/form-data; boundary=${'x'.repeat(71)}`)).toBeUndefined();
    expect(form('--xyz\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--xyz--')).toBeUndefined();
  });

  it('refuses more than sixteen parts, and headers beyond 2 KiB', () => {
    const many = (count: number) => `${Array.from({ length: count }, (_, i) => part(`n${i}`, '')).join('')}--xyz--`;
    expect(form(many(16))?.size).toBe(16);
    expect(form(many(17))).toBeUndefined();
    expect(form(`--xyz\r\nX: ${'y'.repeat(3000)}\r\n${part('a', '1').slice(7)}--xyz--`)).toBeUndefined();
  });

  it('stays quick on bodies made of near misses', () => {
    expect(form(`${part('a', '\r\n--xy'.repeat(10_000))}--xyz--`)?.size).toBe(1);
    expect(form('\r\n--xyz \t'.repeat(7000))).toBeUndefined();
    expect(readParameters(`${';"\\'.repeat(20_000)}`)[0]).toBe('');
  });
});
