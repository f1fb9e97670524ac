import { utf8 } from '#platform/bytes.ts';
import { BASE_NAMESPACE, CHORD_NAMESPACE, SIP_NAMESPACE } from '#reload/overlay-config/namespaces.ts';

/** A document of one configuration with the given content and attributes. */
export function documentOf(content: string, attributes = 'instance-name="home.example" sequence="1"'): Uint8Array {
  return utf8(
    `<?xml version="1.0" encoding="UTF-8"?>\n<overlay xmlns="${BASE_NAMESPACE}" xmlns:chord="${CHORD_NAMESPACE}" xmlns:sip="${SIP_NAMESPACE}"><configuration ${attributes}>${content}</configuration></overlay>`,
  );
}

export const KIND_PARTS: Readonly<Record<string, string>> = {
  'data-model': '<data-model>SINGLE</data-model>',
  'access-control': '<access-control>NODE-MATCH</access-control>',
  'max-count': '<max-count>1</max-count>',
  'max-size': '<max-size>100</max-size>',
};

export function kindBlock(which: string, content = Object.values(KIND_PARTS).join('')): string {
  return `<required-kinds><kind-block><kind ${which}>${content}</kind></kind-block></required-kinds>`;
}

/** The fault code of what `action` throws. */
export function faultOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown);
  }
  return 'nothing thrown';
}
