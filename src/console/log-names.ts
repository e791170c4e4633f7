/** How the console calls a log where it remembers something of it. */

export const commitLogName = 'commitlog'

/** No topic has a slash in its name. */
export function logName(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
