import { describe, expect, test } from 'vitest'
import type { Supergraph, SubscriptionEvent } from '../../../gateway/supergraph/index.ts'
import { mapStream } from '../../../subgraphs/platform/async/map-stream.ts'
import type { Positioned } from '../../../subgraphs/platform/async/resumable-stream.ts'
import { aSupergraph, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

/** A source of events that a test pushes, and that knows whether it was left. */
class Source<Event> implements AsyncIterableIterator<Event> {
  left = 0
  readonly #events: Event[] = []
  readonly #waiting: PromiseWithResolvers<IteratorResult<Event>>[] = []

  push(event: Event): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting.resolve({ value: event, done: false })
    else this.#events.push(event)
  }

  fail(error: Error): void {
    this.#waiting.shift()?.reject(error)
  }

  next(): Promise<IteratorResult<Event>> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve({ value: event, done: false })
    const waiting = Promise.withResolvers<IteratorResult<Event>>()
    this.#waiting.push(waiting)
    return waiting.promise
  }

  /** Like an async generator's: waits for the event that somebody is still waiting for. */
  return(): Promise<IteratorResult<Event>> {
    this.left++
    return new Promise(() => {})
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

interface PaymentEvent {
  readonly id: string
  readonly merchant: { readonly id: string }
}

let source: Source<unknown>
const payments: SubgraphParts = {
  sdl: `
    type Query { payment: Payment }
    type Subscription { paymentUpdated(id: ID!, after: String): Payment! marked: Payment nothing: Int }
    type Payment @key(fields: "id") { id: ID! status: String merchant: Merchant! }
    type Merchant @key(fields: "id", resolvable: false) { id: ID! }
  `,
  resolvers: {
    Subscription: {
      paymentUpdated: {
        subscribe: (_: unknown, { id }: { id: string }, { viewer }: { viewer?: string }) => {
          if (viewer === undefined)
            throw Object.assign(new Error('who are you?'), { extensions: { code: 'NO_KEY' } })
          source.push({ paymentUpdated: { id, status: viewer, merchant: { id: 'm1' } } })
          return source
        },
      },
      marked: { subscribe: () => source },
      nothing: { subscribe: () => 'no stream' },
    },
  },
}
const merchants: SubgraphParts = {
  sdl: `type Query { merchant: Merchant } type Merchant @key(fields: "id") { id: ID! name: String city: String! }`,
  resolvers: {
    Merchant: {
      __resolveReferences: (references: readonly { id: string }[]) =>
        Promise.resolve(
          references.map(({ id }) => ({ id, name: `name of ${id}`, city: id === 'm1' ? 'Hangzhou' : null })),
        ),
    },
  },
}
const hub: Supergraph = aSupergraph({ payments, merchants })

const document = `subscription Follow($id: ID!, $city: Boolean = false) {
  update: paymentUpdated(id: $id) { id status merchant { name city @include(if: $city) } }
}`

async function follow(variables: unknown, context: unknown = { viewer: 'wallet' }) {
  source = new Source()
  const prepared = hub.prepare(document)
  if (prepared.kind === 'rejected') throw new Error(prepared.errors[0]!.message)
  expect(prepared.operation).toBe('subscription')
  const coerced = prepared.coerce(variables)
  if ('errors' in coerced) throw new Error(coerced.errors[0]!.message)
  return prepared.subscribe(coerced.variables, context)
}

async function open(variables: unknown): Promise<AsyncIterableIterator<SubscriptionEvent>> {
  const opened = await follow(variables)
  if ('errorResponse' in opened) throw new Error(opened.errorResponse)
  return opened
}

/** A stream as those see it who do not ask for marks. */
const plain = (steps: Source<Positioned<unknown>>) => ({
  next: () => steps.next(),
  return: () => steps.return(),
  [Symbol.asyncIterator]() {
    return this
  },
})

/** What a stream without marks says. */
const told = (text: string): SubscriptionEvent => ({ value: text, position: null })

const anEvent = (id: string, merchant: string): { paymentUpdated: PaymentEvent } => ({
  paymentUpdated: { id, merchant: { id: merchant } },
})

describe('a subscription', () => {
  test('joins each event with what other subgraphs hold', async () => {
    const answers = await open({ id: 7 })
    expect(await answers.next()).toEqual({
      done: false,
      value: told('{"data":{"update":{"id":"7","status":"wallet","merchant":{"name":"name of m1"}}}}'),
    })
    const pending = answers.next()
    source.push(anEvent('8', 'm2'))
    expect(await pending).toEqual({
      done: false,
      value: told('{"data":{"update":{"id":"8","status":null,"merchant":{"name":"name of m2"}}}}'),
    })
  })

  test('gives data and errors event by event: one that fails does not end it', async () => {
    const answers = await open({ id: 7, city: true })
    source.push(anEvent('8', 'm2'))
    source.push(anEvent('9', 'm1'))
    const texts = [await answers.next(), await answers.next(), await answers.next()].map(
      ({ value }) => (value as SubscriptionEvent).value!,
    )
    expect(texts.map((text) => (JSON.parse(text) as { data: unknown }).data)).toEqual([
      { update: { id: '7', status: 'wallet', merchant: { name: 'name of m1', city: 'Hangzhou' } } },
      null,
      { update: { id: '9', status: null, merchant: { name: 'name of m1', city: 'Hangzhou' } } },
    ])
    expect(texts[1]).toContain('["update","merchant","city"]')
  })

  test('that is refused says why, with code and path', async () => {
    const refused = await follow({ id: 7 }, {})
    expect(refused).toHaveProperty('errorResponse')
    const { errorResponse } = refused as { errorResponse: string }
    expect(JSON.parse(errorResponse)).toEqual({
      errors: [{ message: 'who are you?', path: ['update'], extensions: { code: 'NO_KEY' } }],
    })
  })

  test('rejects with what the source throws', async () => {
    const answers = await open({ id: 7 })
    await answers.next()
    const pending = answers.next()
    source.fail(new Error('too slow'))
    await expect(pending).rejects.toThrow('too slow')
  })

  test('ends at once when it is left while nothing happens, and its source is left too', async () => {
    const answers = await open({ id: 7 })
    await answers.next()
    const pending = [answers.next(), answers.next()]
    expect(await answers.return!()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    expect(source.left).toBe(1)
    expect(await answers.next()).toEqual({ done: true, value: undefined })
    await answers.return!()
    expect(source.left).toBe(1)
  })

  test('is left by leaving the loop over it', async () => {
    for await (const { value } of await open({ id: 7 })) {
      expect(value).toContain('"id":"7"')
      break
    }
    expect(source.left).toBe(1)
  })

  test('that is thrown into ends with that', async () => {
    const answers = await open({ id: 7 })
    await expect(answers.throw!(new Error('enough'))).rejects.toThrow('enough')
    expect(source.left).toBe(1)
  })

  test('of a stream with marks gives them with its answers, and alone when nothing happened', async () => {
    const steps = new Source<Positioned<unknown>>()
    const resumable = { ...plain(steps), positioned: () => steps }
    source = resumable as unknown as Source<unknown>
    const prepared = hub.prepare('subscription { marked { id } }')
    if (prepared.kind === 'rejected') throw new Error('it is valid')
    const answers = await prepared.subscribe({}, {})
    if ('errorResponse' in answers) throw new Error(answers.errorResponse)
    const at = (ordinal: number) => ({ ordinal, cursor: `c${ordinal}` })
    steps.push({ value: null, position: at(3) })
    steps.push({ value: { marked: { id: '7' } }, position: at(4) })
    expect(
      [await answers.next(), await answers.next()].map(({ value }) => value as SubscriptionEvent),
    ).toEqual([
      { value: null, position: at(3) },
      { value: '{"data":{"marked":{"id":"7"}}}', position: at(4) },
    ])
  })

  test('to a field that gives no stream is a mistake of the subgraph', async () => {
    const prepared = hub.prepare('subscription { nothing }')
    if (prepared.kind === 'rejected') throw new Error('it is valid')
    await expect(prepared.subscribe({}, {})).rejects.toThrow('Subscription field must return Async Iterable')
  })
})

describe('a mapped stream', () => {
  test('keeps order, whatever each item takes', async () => {
    const items = new Source<number>()
    const gates = [1, 2, 3].map(() => Promise.withResolvers<void>())
    const stream = mapStream(items, async (n: number) => gates[n]!.promise.then(() => n * 10))
    const taken = [stream.next(), stream.next(), stream.next()]
    for (const n of [0, 1, 2]) items.push(n)
    for (const gate of gates.toReversed()) gate.resolve()
    expect((await Promise.all(taken)).map(({ value }) => value as number)).toEqual([0, 10, 20])
  })

  test('ends with its source', async () => {
    const items = (async function* () {
      yield 1
      yield 2
    })()
    const stream = mapStream(items, (n: number) => n * 10)
    expect(await stream.next()).toEqual({ done: false, value: 10 })
    expect(await stream.next()).toEqual({ done: false, value: 20 })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })
})
