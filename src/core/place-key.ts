/** A partition of a topic as the key of a map. No topic has a blank in its name, so no two places share one. */

export function placeKey({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition} ${topic}`
}
