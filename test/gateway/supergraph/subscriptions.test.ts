import { describe, expect, test } from 'vitest'
import type { Supergraph, SubscriptionEvent } from '../../../gateway/supergraph/index.ts'
import { mapStream } from '../../../subgraphs/platform/async/map-stream.ts'
import type { Positioned } from '../../../subgraphs/platform/async/resumable-stream.ts'
import { aSupergraph, type SubgraphParts } from '../../fixtures/a-supergraph.ts'

/** A source of events that a test pushes; it counts calls of `return`. */
class Source<Event> implements AsyncIterableIterator<Event> {
  returns = 0
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

  /** Like that of an async generator, it waits for the pending `next()`. */
  return(): Promise<IteratorResult<Event>> {
    this.returns++
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
    type Subscription { paymentUpdated(id: ID!, after: String): Payment! positioned: Payment nothing: Int }
    type Payment @key(fields: "id") { id: ID! status: String merchant: Merchant! }
    type Merchant @key(fields: "id", resolvable: false) { id: ID! }
  `,
  resolvers: {
    Subscription: {
      paymentUpdated: {
        subscribe: (_: unknown, { id }: { id: string }, { viewer }: { viewer?: string }) => {
          if (viewer === undefined)
            throw Object.assign(new Error('no key'), { extensions: { code: 'NO_KEY' } })
          source.push({ paymentUpdated: { id, status: viewer, merchant: { id: 'm1' } } })
          return source
        },
      },
      positioned: { subscribe: () => source },
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

/** The stream without positions. */
const withoutPositions = (steps: Source<Positioned<unknown>>) => ({
  next: () => steps.next(),
  return: () => steps.return(),
  [Symbol.asyncIterator]() {
    return this
  },
})

/** An event of a stream without positions. */
const eventOf = (text: string): SubscriptionEvent => ({ value: text, position: null })

const anEvent = (id: string, merchant: string): { paymentUpdated: PaymentEvent } => ({
  paymentUpdated: { id, merchant: { id: merchant } },
})

describe('a subscription', () => {
  test('joins each event with data of other subgraphs', async () => {
    const events = await open({ id: 7 })
    expect(await events.next()).toEqual({
      done: false,
      value: eventOf('{"data":{"update":{"id":"7","status":"wallet","merchant":{"name":"name of m1"}}}}'),
    })
    const pending = events.next()
    source.push(anEvent('8', 'm2'))
    expect(await pending).toEqual({
      done: false,
      value: eventOf('{"data":{"update":{"id":"8","status":null,"merchant":{"name":"name of m2"}}}}'),
    })
  })

  test('whose field has a switch runs when the switch includes the field', async () => {
    const switched = hub.prepare(
      'subscription($on: Boolean!) { paymentUpdated(id: 7) @include(if: $on) { status } }',
    )
    if (switched.kind === 'rejected') throw new Error(switched.errors[0]!.message)
    source = new Source()
    const opened = await switched.subscribe({ on: true }, { viewer: 'wallet' })
    if ('errorResponse' in opened) throw new Error(opened.errorResponse)
    expect(await opened.next()).toMatchObject({
      value: eventOf('{"data":{"paymentUpdated":{"status":"wallet"}}}'),
    })
    const removed = await switched.subscribe({ on: false }, { viewer: 'wallet' })
    expect(JSON.parse((removed as { errorResponse: string }).errorResponse)).toEqual({
      errors: [
        {
          message: 'The subscription has no field: @skip or @include removed it.',
          extensions: { code: 'BAD_USER_INPUT' },
        },
      ],
    })
  })

  test('has one field, whatever the values of its switches', () => {
    expect(
      hub.prepare(
        'subscription($on: Boolean!) { positioned @include(if: $on) { id } nothing @skip(if: $on) }',
      ),
    ).toMatchObject({
      kind: 'rejected',
      errors: [
        {
          message: 'Anonymous Subscription must select only one top level field.',
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ],
    })
  })

  test('continues after an event with errors', async () => {
    const events = await open({ id: 7, city: true })
    source.push(anEvent('8', 'm2'))
    source.push(anEvent('9', 'm1'))
    const texts = [await events.next(), await events.next(), await events.next()].map(
      ({ value }) => (value as SubscriptionEvent).value!,
    )
    expect(texts.map((text) => (JSON.parse(text) as { data: unknown }).data)).toEqual([
      { update: { id: '7', status: 'wallet', merchant: { name: 'name of m1', city: 'Hangzhou' } } },
      null,
      { update: { id: '9', status: null, merchant: { name: 'name of m1', city: 'Hangzhou' } } },
    ])
    expect(texts[1]).toContain('["update","merchant","city"]')
  })

  test('that is refused gives an error with code and path', async () => {
    const refused = await follow({ id: 7 }, {})
    expect(refused).toHaveProperty('errorResponse')
    const { errorResponse } = refused as { errorResponse: string }
    expect(JSON.parse(errorResponse)).toEqual({
      errors: [{ message: 'no key', path: ['update'], extensions: { code: 'NO_KEY' } }],
    })
  })

  test('rejects with what the source throws', async () => {
    const events = await open({ id: 7 })
    await events.next()
    const pending = events.next()
    source.fail(new Error('too slow'))
    await expect(pending).rejects.toThrow('too slow')
  })

  test('ends at once when it is closed between events, and closes its source', async () => {
    const events = await open({ id: 7 })
    await events.next()
    const pending = [events.next(), events.next()]
    expect(await events.return!()).toEqual({ done: true, value: undefined })
    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ])
    expect(source.returns).toBe(1)
    expect(await events.next()).toEqual({ done: true, value: undefined })
    await events.return!()
    expect(source.returns).toBe(1)
  })

  test('is closed by the end of a loop over it', async () => {
    for await (const { value } of await open({ id: 7 })) {
      expect(value).toContain('"id":"7"')
      break
    }
    expect(source.returns).toBe(1)
  })

  test('rejects with an error that is thrown into it', async () => {
    const events = await open({ id: 7 })
    await expect(events.throw!(new Error('enough'))).rejects.toThrow('enough')
    expect(source.returns).toBe(1)
  })

  test('of a stream with positions gives them with its events, and alone without an event', async () => {
    const steps = new Source<Positioned<unknown>>()
    const resumable = { ...withoutPositions(steps), positioned: () => steps }
    source = resumable as unknown as Source<unknown>
    const prepared = hub.prepare('subscription { positioned { id } }')
    if (prepared.kind === 'rejected') throw new Error('it is valid')
    const events = await prepared.subscribe({}, {})
    if ('errorResponse' in events) throw new Error(events.errorResponse)
    const at = (ordinal: number) => ({ ordinal, cursor: `c${ordinal}` })
    steps.push({ value: null, position: at(3) })
    steps.push({ value: { positioned: { id: '7' } }, position: at(4) })
    expect([await events.next(), await events.next()].map(({ value }) => value as SubscriptionEvent)).toEqual(
      [
        { value: null, position: at(3) },
        { value: '{"data":{"positioned":{"id":"7"}}}', position: at(4) },
      ],
    )
  })

  test('to a field without a stream is a bug of the subgraph', async () => {
    const prepared = hub.prepare('subscription { nothing }')
    if (prepared.kind === 'rejected') throw new Error('it is valid')
    await expect(prepared.subscribe({}, {})).rejects.toThrow('Subscription field must return Async Iterable')
  })
})

describe('a mapped stream', () => {
  test('keeps the order of items, however long each one takes', async () => {
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
