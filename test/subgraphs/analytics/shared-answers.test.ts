import { expect, test } from 'vitest'
import type { ActivityAnswer, Question } from '../../../subgraphs/analytics/activity.ts'
import { SharedAnswers } from '../../../subgraphs/analytics/shared-answers.ts'

const question: Question = { range: { from: 0, to: 60_000 }, where: {}, within: [] }
const figures = (payments: number) => ({ payments, approved: payments, declined: 0, value: 0n })

/** An answer that counts how often its totals are computed. */
function anAnswer(payments: number) {
  const counted = { times: 0, fails: false }
  const unasked = () => Promise.reject(new Error('not expected'))
  const answer: ActivityAnswer = {
    totals: async () => {
      counted.times++
      if (counted.fails) throw new Error('out of time')
      return figures(payments)
    },
    authorizeMs: unasked,
    series: unasked,
    breakdown: unasked,
    details: unasked,
  }
  return { counted, answer }
}

test('equal questions compute a result once while the log is counted up to one position', async () => {
  const shared = new SharedAnswers()
  const [one, two, later] = [anAnswer(1), anAnswer(2), anAnswer(3)]
  const totals = (position: bigint, { answer }: typeof one) =>
    shared.share(question, position, answer).totals()
  expect(await Promise.all([totals(7n, one), totals(7n, two)])).toEqual([figures(1), figures(1)])
  expect(two.counted.times).toBe(0)
  expect(await totals(8n, later)).toEqual(figures(3))
})

test('another range is another question', async () => {
  const shared = new SharedAnswers()
  await shared.share(question, 7n, anAnswer(1).answer).totals()
  const other = { ...question, range: { from: 0, to: 120_000 } }
  expect(await shared.share(other, 7n, anAnswer(2).answer).totals()).toEqual(figures(2))
})

test('a result that fails is computed again by those that wait for it', async () => {
  const shared = new SharedAnswers()
  const [stopped, next] = [anAnswer(1), anAnswer(2)]
  stopped.counted.fails = true
  const outcomes = await Promise.allSettled([
    shared.share(question, 7n, stopped.answer).totals(),
    shared.share(question, 7n, next.answer).totals(),
  ])
  expect(outcomes).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled', value: figures(2) }])
})
