import type { Model } from './kinds.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What a test asks of a storing peer in a process of its own. */
export type StoringOrder =
  | {
      readonly do: 'start';
      readonly directory: string;
      readonly bootstrapNodes: readonly Endpoint[];
      /** The defect that the test's own checks must find: answers leave before the commit. */
      readonly answersEarly: boolean;
    }
  | {
      readonly do: 'store';
      readonly slot: number;
      readonly model: Model;
      /** `text` null removes. */
      readonly values: readonly { readonly place: string; readonly text: string | null }[];
      /** 0 stores unconditionally. */
      readonly generation: number;
    }
  | { readonly do: 'fetch'; readonly owner: string; readonly slot: number; readonly model: Model }
  | { readonly do: 'neighbours' }
  | { readonly do: 'image' };

export interface Stored {
  readonly generation: number;
  readonly replicas: readonly string[];
}

export interface Fetched {
  readonly generation: number;
  readonly values: readonly { readonly place: string; readonly text: string }[];
}

export interface Neighbourhood {
  readonly joined: boolean;
  readonly predecessors: readonly string[];
  readonly successors: readonly string[];
  /** For people who look for the reason of a fault. */
  readonly suspects: readonly string[];
  readonly links: readonly string[];
}
