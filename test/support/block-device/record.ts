/** What a disk was asked to keep, in the order in which it was asked. */

export type RecordEntry =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array; readonly fua: boolean }
  /** A range that holds zeros from now on, or that nobody needs any more. */
  | { readonly kind: 'zero'; readonly offset: number; readonly length: number; readonly fua: boolean }
  /** All before it is on stable storage. */
  | { readonly kind: 'flush' }
