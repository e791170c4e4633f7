/** Counts what really went to the disk, from a trace of the system calls of a contender and its children. */

export const traced = 'openat,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,msync,sync_file_range'

export interface Flushes {
  /** Writes to files that were opened with O_DSYNC or O_SYNC: each is a flush. */
  readonly syncWrites: number
  readonly fsync: number
  readonly fdatasync: number
  readonly msync: number
}

/** Options of strace under which {@link countFlushes} can read what it writes. */
export function straceArguments(output: string): string[] {
  return ['strace', '-f', '-y', '-qq', '-s', '0', '-e', `trace=${traced}`, '-o', output]
}

/**
 * Counts calls below `directory`; `-y` has put the path behind each descriptor. A call that another thread interrupted
 * takes two lines, of which the first has all that is needed.
 */
export function countFlushes(trace: string, directory: string): Flushes {
  const synced = new Set<string>()
  const counts = { syncWrites: 0, fsync: 0, fdatasync: 0, msync: 0 }
  for (const line of trace.split('\n')) {
    const opened = /\bopenat\([^,]*, "([^"]*)"\.{0,3}, ([A-Z_|]+)/.exec(line)
    if (opened !== null) {
      if (/\bO_D?SYNC\b/.test(opened[2])) synced.add(opened[1])
      continue
    }
    const call = /\b(\w+)\(\d+<([^>]*)>/.exec(line)
    if (call?.[2].startsWith(directory)) {
      const [, name, path] = call
      if (name === 'fsync' || name === 'fdatasync') counts[name]++
      else if (/^p?write/.test(name) && synced.has(path)) counts.syncWrites++
    } else if (/\bmsync\(/.test(line)) counts.msync++
  }
  return counts
}
