// The contract of an idempotency key. Every operation that takes a key runs it.

import { beforeEach, describe, expect, test } from 'vitest'

/** Concurrent calls under one key, half of them in each of two processes that share a database. */
const concurrentCalls = 64

/** How to call an operation. Answers are results, or refusals with a `code`. */
export interface IdempotentOperation<State> {
  /** Prepares two valid inputs that no call has used. */
  open(): Promise<State>
  /** Calls the operation under `key` with one of the inputs, in one of the processes. */
  call(state: State, key: string, input: 'first' | 'other', process: 0 | 1): Promise<object>
  /** Counts what calls with these inputs have changed in the database. */
  effects(state: State): Promise<number>
  /** The clock of both processes. */
  readonly clock?: { now(): Date; move(ms: number): void }
  /** True for the one operation whose keys may have control characters. */
  readonly allowsControlCharacters?: boolean
  /** Calls the operation as another participant, for which it has an effect of its own. */
  callAsAnother?(state: State, key: string): Promise<object>
  /** Lets the rules refuse the first input; returns how to allow it again. */
  refuse?(state: State): Promise<() => unknown>
  /** Calls the operation with its first input while the database fails. */
  callInOutage?(state: State, key: string): Promise<object>
}

let keys = 0

/** Tests that an operation has one effect and one result per key. */
export function describeIdempotency<State>(name: string, operation: IdempotentOperation<State>): void {
  const { clock, callAsAnother, refuse, callInOutage } = operation
  describe(`the idempotency key of ${name}`, () => {
    let state: State
    let key: string
    let before: number
    beforeEach(async () => {
      state = await operation.open()
      key = `contract ${++keys}`
      before = await operation.effects(state)
    })

    const call = (input: 'first' | 'other' = 'first') => operation.call(state, key, input, 0)
    const callManyTimes = (input: 'first' | 'other' = 'first') =>
      Promise.all(
        Array.from({ length: concurrentCalls }, (_, n) =>
          operation.call(state, key, input, n % 2 === 0 ? 0 : 1),
        ),
      )
    const expectEffects = async (count: number) =>
      expect((await operation.effects(state)) - before).toBe(count)

    test('has one effect and one result, under concurrent calls of two processes and later', async () => {
      const answers = await callManyTimes()
      expect(answers[0]).not.toHaveProperty('code')
      clock?.move(5_000)
      answers.push(await call())
      expectOneResult(answers)
      expectReplays(answers, concurrentCalls)
      await expectEffects(1)
    })

    test('is refused with another input, with the time of its first use', async () => {
      await call()
      const usedAt = clock?.now()
      clock?.move(5_000)
      const answers = await callManyTimes('other')
      expectOneResult(answers)
      expect(answers[0]).toMatchObject({
        __typename: 'IdempotencyConflict',
        code: 'IDEMPOTENCY_CONFLICT',
        retryable: false,
        path: ['input', 'idempotencyKey'],
      })
      const { firstUsedAt } = answers[0] as { firstUsedAt: Date | string }
      if (usedAt) expect(new Date(firstUsedAt)).toEqual(usedAt)
      await expectEffects(1)
    })

    test('is refused when it is malformed', async () => {
      const withControlCharacters = operation.allowsControlCharacters ? [] : ['a\nb', 'k\n']
      for (const malformed of ['', 'x'.repeat(65), ...withControlCharacters]) {
        expect(await operation.call(state, malformed, 'first', 0)).toMatchObject({
          code: 'BAD_VALUE',
          path: ['input', 'idempotencyKey'],
        })
      }
      await expectEffects(0)
    })

    if (callAsAnother) {
      test('is separate for another participant', async () => {
        await call()
        const answer = await callAsAnother(state, key)
        expect(answer).not.toHaveProperty('code')
        expectReplays([answer], 0)
        await expectEffects(2)
      })
    }

    if (refuse) {
      test('keeps the refusal of a rule, also when the rule would allow the call later', async () => {
        const allow = await refuse(state)
        const refusals = await callManyTimes()
        expect(refusals[0]).toHaveProperty('code')
        await allow()
        expectOneResult([...refusals, await call()])
        await expectEffects(0)
        expect(await operation.call(state, `${key} again`, 'first', 0)).not.toHaveProperty('code')
        await expectEffects(1)
      })
    }

    if (callInOutage) {
      test('keeps nothing of an outage', async () => {
        const unavailable = { code: 'UNAVAILABLE', retryable: true }
        expect(await callInOutage(state, key).catch(() => unavailable)).toMatchObject(unavailable)
        await expectEffects(0)
        expectReplays([await call()], 0)
        await expectEffects(1)
      })
    }
  })
}

function expectOneResult(answers: readonly object[]): void {
  const results = answers.map(({ replayed: _, ...result }: { replayed?: boolean }) => result)
  for (const result of results) expect(result).toEqual(results[0])
}

/** Checks how many answers are replays, when the operation returns that. */
function expectReplays(answers: readonly { replayed?: boolean }[], count: number): void {
  if (answers.some((answer) => 'replayed' in answer))
    expect(answers.filter(({ replayed }) => replayed)).toHaveLength(count)
}
