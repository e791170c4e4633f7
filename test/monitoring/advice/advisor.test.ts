/** Advice is given and taken back without flickering. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { resolveSettings } from '../../../src/core/settings.js'
import { Advisor } from '../../../src/monitoring/advice/advisor.js'
import type { Evidence, Measure, Rule } from '../../../src/monitoring/advice/rule.js'

const settings = resolveSettings()
const holdsForMs = 20_000
const goodForMs = 60_000
const stepMs = 10_000

/** A rule whose figure the test sets: above 100 is too much, 80 is good again. */
class Situation {
  measures: Measure[] = []
  readonly #advisor: Advisor
  #atMs = 0

  constructor() {
    const rule: Rule = {
      id: 'made',
      severity: 'warning',
      title: 'Made',
      when: '',
      leastEvidence: '',
      limit: { side: 'above', beyond: 100, good: 80, critical: 1000 },
      measure: () => this.measures,
      evidence: ({ value }) => `it is ${value}`,
      remedy: () => 'do less',
    }
    this.#advisor = new Advisor({ rules: [rule], holdsForMs, goodForMs })
  }

  /** Lets ten seconds pass with the figure at `value`; what is advised then. */
  step(value: number | undefined) {
    this.measures = value === undefined ? [] : [{ value }]
    return this.look()
  }

  look() {
    this.#atMs += stepMs
    const evidence: Evidence = { settings }
    return this.#advisor.look(evidence, this.#atMs, 1_000_000 + this.#atMs)
  }
}

test('a figure must stay beyond its limit before anything is said', () => {
  const situation = new Situation()
  assert.equal(situation.step(150).length, 0)
  assert.equal(situation.step(150).length, 0)
  const [advice] = situation.step(150)
  assert.equal(advice.evidence, 'it is 150')
  assert.equal(advice.sinceMs, 1_010_000)
})

test('a peak alone says nothing, and does not count for the next one', () => {
  const situation = new Situation()
  for (const value of [150, 150, 90, 150, 150, 50, 150]) assert.equal(situation.step(value).length, 0)
})

test('between the two limits what was said goes on being said, with the figure of now', () => {
  const situation = new Situation()
  for (let i = 0; i < 3; i++) situation.step(150)
  for (let i = 0; i < 20; i++) assert.deepEqual(situation.step(90)[0]?.evidence, 'it is 90')
})

test('it is taken back once it has been good for a minute, or has told nothing for so long', () => {
  for (const value of [50, undefined]) {
    const situation = new Situation()
    for (let i = 0; i < 3; i++) situation.step(150)
    for (let i = 0; i < 6; i++) assert.equal(situation.step(value).length, 1, `${value} after ${i}`)
    assert.equal(situation.step(value).length, 0)
  }
})

test('being good for a moment takes nothing back', () => {
  const situation = new Situation()
  for (let i = 0; i < 3; i++) situation.step(150)
  for (let i = 0; i < 30; i++) assert.equal(situation.step(i % 5 === 0 ? 150 : 50).length, 1)
})

test('several subjects are told apart, bounded to the worst twenty, the critical ones first', () => {
  const situation = new Situation()
  situation.measures = Array.from({ length: 50 }, (_, i) => ({ subject: `s${i}`, value: i === 49 ? 2000 : 101 + i }))
  situation.look()
  situation.look()
  const advice = situation.look()
  assert.equal(advice.length, 20)
  assert.deepEqual([advice[0].subject, advice[0].severity], ['s49', 'critical'])
  assert.ok(advice.every(({ subject }) => Number(subject?.slice(1)) >= 30))
})

test('whatever the figure does, advice changes at most once in a minute, and a lasting excess is told', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }), { maxLength: 80 }),
      (values) => {
        const situation = new Situation()
        let ended: number | undefined
        let wasGiven = false
        let excess = 0
        for (const [i, value] of values.entries()) {
          const isGiven = situation.step(value).length > 0
          excess = value !== undefined && value > 100 ? excess + 1 : 0
          if (excess >= 3) assert.ok(isGiven)
          if (wasGiven && !isGiven) ended = i
          // From being taken back until it is said again it takes the holding time at least.
          if (!wasGiven && isGiven && ended !== undefined) assert.ok((i - ended) * stepMs >= holdsForMs)
          if (isGiven && !wasGiven) assert.ok(excess >= 3)
          wasGiven = isGiven
        }
      },
    ),
  )
})
