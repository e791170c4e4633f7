/** Files small enough that a test fills several, in the words of both programs; they must be the same for both. */

export const sizes = {
  ours: {
    'mapped.file.size.commitlog': 262_144,
    'mapped.file.size.consumequeue': 2000,
    'max.hash.slot.num': 100,
    'max.index.num': 1000,
  },
  theirs: {
    mappedFileSizeCommitLog: 262_144,
    mappedFileSizeConsumeQueue: 2000,
    maxHashSlotNum: 100,
    maxIndexNum: 1000,
  },
} as const
