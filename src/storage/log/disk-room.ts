/** How much room the disk under the logs has, as far as they act on it; the store's watermark keeps it up to date. */

export class DiskRoom {
  /** Files that are not needed any more are given back to the disk, not kept to be used again. */
  isScarce = false
  /** Why messages are refused now; undefined while they are not. */
  refusal: string | undefined
}
