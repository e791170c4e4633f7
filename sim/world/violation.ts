/** What must hold and did not. */

export class Violation extends Error {
  /** In short, the same for the same promise: by it a smaller run is known to show the same thing. */
  readonly rule: string

  constructor(rule: string, detail: string) {
    super(`${rule}: ${detail}`)
    this.name = 'Violation'
    this.rule = rule
  }
}

export function holds(condition: boolean, rule: string, detail: () => string): asserts condition {
  if (!condition) throw new Violation(rule, detail())
}
