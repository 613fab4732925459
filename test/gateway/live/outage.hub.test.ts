// Events whose join fails: for a moment, for longer than the hub waits, or for good. Subscribers over both
// transports resume after their last cursor whenever their stream ends.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProblemError, refuse } from '../../../schema/values/problems.ts'
import { mongoOutage, smallHub } from '../../fixtures/small-hub.ts'
import { SseReader } from '../http/sse-reader.ts'
import { RawClient } from './raw-client.ts'

const patient = await smallHub()
/** It waits for two or three attempts, so that some outages end streams and others do not. */
const hub = await smallHub({}, { eventWaitMs: 60 })
const { feed } = hub
const document = `subscription($after: String) { transactionEvents(after: $after) { text book { stars } } }`
const refusedBook = 'refused'

interface Event {
  readonly text: string
  readonly book: { readonly stars: number | null }
}

interface Response {
  readonly data?: { readonly transactionEvents: Event } | null
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[]
  readonly extensions?: { readonly partial: { readonly transactionEvents: Event } }
}

/** What one subscriber has received. */
class Received {
  /** Texts of events; with "!" where the join was refused for good. */
  readonly events: string[] = []
  /** The errors of both: the codes that came with an event without data, and those that ended a stream. */
  readonly refusals = new Set<string>()
  readonly ends: string[] = []

  /** Takes one response; false when it ends the stream. */
  take({ data, errors = [], extensions }: Response): boolean {
    const codes = errors.map((error) => error.extensions.code).join()
    const event = data?.transactionEvents
    if (event?.book.stars === 5) this.events.push(event.text)
    else if (extensions) {
      this.events.push(`${extensions.partial.transactionEvents.text}!`)
      this.refusals.add(codes)
    } else this.ends.push(codes)
    return codes === '' || extensions !== undefined
  }

  get cursor(): string {
    return this.events.at(-1)!.replace('!', '')
  }
}

/** Follows over a WebSocket until it has `count` events. The text of an event is its cursor. */
async function followSocket(start: string, count: number): Promise<Received> {
  const received = new Received()
  const client = await RawClient.as(hub.url, 'demo-wallet')
  let after = start
  for (let id = 0; received.events.length < count; id++) {
    await client.subscribe(`${id}`, document, { after })
    while (received.events.length < count) {
      const { type, payload } = await client.receive()
      const response = type === 'error' ? { errors: payload as Response['errors'] & object } : payload
      if (!received.take(response as Response)) break
      after = received.cursor
    }
  }
  await client.close()
  return received
}

/** Follows server-sent events until it has `count` events, as EventSource does: it keeps the last `id:`. */
async function followEventStream(start: string, count: number): Promise<Received> {
  const received = new Received()
  let last = start
  while (received.events.length < count) {
    const headers = { 'last-event-id': last }
    const stream = await SseReader.open(hub.url, document, { key: 'demo-wallet', headers })
    while (received.events.length < count) {
      const { data, id } = await stream.receive()
      if (!received.take(JSON.parse(data) as Response)) {
        expect(id).toBeNull()
        break
      }
      last = id!
      expect(received.cursor).toBe(last)
    }
    await stream.leave()
  }
  return received
}

/** A run: which events are refused for good, and which attempts to join fail, in the order of attempts. */
const aRun = fc.record({
  refused: fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
  outages: fc.array(fc.constantFrom(true, true, true, false), { minLength: 200, maxLength: 200 }),
})

describe('a subscriber', () => {
  test('receives each event once and in order, however the joins fail, over both transports', async () => {
    const ends: string[] = []
    await fc.assert(
      fc.asyncProperty(aRun, async ({ refused, outages }) => {
        const failures = [...outages]
        hub.stars.failure = (book) => {
          if (failures.shift()) return mongoOutage()
          return book === refusedBook ? new ProblemError(refuse('BAD_RANGE')) : null
        }
        const start = feed.cursor
        const first = Number(start.slice(1)) + 1
        const expected = refused.map((isRefused, n) => `c${first + n}${isRefused ? '!' : ''}`)
        const emit = (isRefused: boolean, n: number) =>
          feed.emit('transactionEvents', `c${first + n}`, isRefused ? refusedBook : '1')
        const half = refused.length / 2
        refused.slice(0, half).forEach(emit)
        const following = [followSocket, followSocket, followEventStream, followEventStream].map((follow) =>
          follow(start, expected.length),
        )
        refused.slice(half).forEach((isRefused, n) => emit(isRefused, half + n))
        for (const received of await Promise.all(following)) {
          expect(received.events).toEqual(expected)
          expect([...received.refusals]).toEqual(refused.includes(true) ? ['BAD_RANGE'] : [])
          ends.push(...received.ends)
        }
      }),
      { numRuns: 5 },
    )
    // Otherwise the runs have shown nothing about resuming.
    expect(new Set(ends)).toEqual(new Set(['UNAVAILABLE']))
  })

  test('of a stream without positions waits for the outage to end; one that leaves ends the attempts for it', async () => {
    const { stars, url, feed: source } = patient
    const attempts = { left: 0, kept: 0 }
    const attempted = Promise.withResolvers<void>()
    stars.failure = (book) => {
      if (book === 'kept') return ++attempts.kept > 3 ? null : mongoOutage()
      attempts.left++
      attempted.resolve()
      return mongoOutage()
    }
    const leaving = await RawClient.as(url, 'demo-wallet')
    await leaving.subscribe('1', document)
    await source.until('transactionEvents', 1)
    source.emit('transactionEvents', 'missed', 'left')
    await attempted.promise
    await leaving.close()
    await source.until('transactionEvents', 0)
    const { left } = attempts

    const client = await RawClient.as(url, 'demo-wallet')
    await client.subscribe('1', 'subscription { activityUpdated { text book { stars } } }')
    await source.until('activityUpdated', 1)
    source.emit('activityUpdated', 'figures', 'kept')
    expect(await client.receive()).toMatchObject({
      type: 'next',
      payload: { data: { activityUpdated: { text: 'figures', book: { stars: 5 } } } },
    })
    expect(attempts).toEqual({ left, kept: 4 })
    await client.close()
  })
})
