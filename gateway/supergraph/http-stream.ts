// Reads the events of a subscription from the response of an HTTP request: server-sent events, as graphql-sse
// sends them, or `multipart/mixed; subscriptionSpec=1.0`, as Apollo’s servers do.
// Sources: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md (distinct connections), and
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol

import type { Readable } from 'node:stream'
import { StreamFailure, type SubgraphEvent, type SubgraphResult, type Variables } from './connection.ts'
import { idlest, type Headers, type SubgraphAddress } from './address.ts'
import { isObject, readResponse, readResult } from './read-response.ts'
import { failedResult, reasonOf, type FailureReason } from './remote-failure.ts'

export interface StreamRequest {
  /** Of the subgraph. */
  readonly name: string
  readonly addresses: readonly SubgraphAddress[]
  readonly document: string
  readonly variables: Variables
  /** The most bytes of one event. */
  readonly bytesMax: number
}

const accepts = {
  sse: 'text/event-stream',
  multipart: 'multipart/mixed;subscriptionSpec=1.0, application/json',
} as const

export type EventMediaType = keyof typeof accepts

type OpenedStream = AsyncIterableIterator<SubgraphEvent> | SubgraphResult

/** Sends the subscription. The type of the response decides how it is read; JSON is a refusal. */
export async function openHttpStream(
  mediaType: EventMediaType,
  request: StreamRequest & { readonly headers: Headers },
): Promise<OpenedStream> {
  const { name, addresses, document: query, variables, headers } = request
  const address = idlest(addresses)
  if (!address) return failedResult(name, { reason: 'PAUSED', status: null })
  const leaving = new AbortController()
  try {
    const response = await address.stream(
      JSON.stringify({ query, variables }),
      { ...headers, 'content-type': 'application/json', accept: accepts[mediaType] },
      leaving.signal,
    )
    const { statusCode: status, body } = response
    const contentType = String(response.headers['content-type'] ?? '')
    const source: Source = { ...request, status, body }
    if (contentType.startsWith('text/event-stream')) return leavable(serverSentEvents(source), leaving)
    const boundary = /^multipart\/mixed.*;\s*boundary="?([^";]+)/i.exec(contentType)?.[1]
    if (boundary) return leavable(parts(source, boundary), leaving)
    return readResponse(name, status, await body.text())
  } catch (cause) {
    leaving.abort()
    return failedResult(name, { reason: reasonOf(cause, false), status: null, cause })
  }
}

interface Source extends StreamRequest {
  readonly status: number
  readonly body: Readable
}

/** The events, as a stream that can be left while it waits. */
function leavable(
  events: AsyncGenerator<SubgraphEvent, undefined>,
  leaving: AbortController,
): AsyncIterableIterator<SubgraphEvent, undefined> {
  return {
    next: () => events.next(),
    return() {
      leaving.abort()
      // Waits for the read that the abort ends, and has nothing to report.
      events.return(undefined).catch(() => {})
      return Promise.resolve({ done: true, value: undefined })
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* serverSentEvents(source: Source): AsyncGenerator<SubgraphEvent, undefined> {
  for await (const block of blocksOf(source, /\r\n\r\n|\n\n|\r\r/)) {
    let event = 'message'
    const data: string[] = []
    for (const line of block.split(/\r\n|\n|\r/)) {
      const [, field, value = ''] = /^(\w+)(?:: ?([^]*))?$/.exec(line) ?? []
      if (field === 'event') event = value
      else if (field === 'data') data.push(value)
    }
    if (event === 'complete') return
    const text = data.join('\n')
    if (text !== '') yield { value: () => readResponse(source.name, null, text), position: null }
  }
  throw brokenStream(source, 'CUT_OFF')
}

async function* parts(source: Source, boundary: string): AsyncGenerator<SubgraphEvent, undefined> {
  const { name } = source
  const delimiter = `--${boundary}`
  for await (const part of blocksOf(source, delimiter, `${delimiter}--`)) {
    const [, body] = /\r?\n\r?\n([^]*)/.exec(part) ?? []
    if (body === undefined || body.trim() === '') continue
    const message = parsed(body)
    if (!message) throw brokenStream(source, 'NOT_GRAPHQL')
    const { payload, errors } = message
    if (isObject(payload)) {
      yield {
        value: () => readResult(name, null, JSON.parse(body).payload),
        position: null,
      }
    } else if (errors !== undefined) {
      throw new StreamFailure(readResult(name, null, { data: null, errors }).errors ?? [])
    } else if (Object.keys(message).length > 0 && payload !== null) throw brokenStream(source, 'NOT_GRAPHQL')
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : null
  } catch {
    return null
  }
}

/**
 * The text between separators, without the last piece. Ends after `last`; without it, with the response.
 * Rejects with a StreamFailure when the response breaks, ends before `last`, or a piece is too large.
 */
async function* blocksOf(
  source: Source,
  separator: string | RegExp,
  last: string | null = null,
): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of source.body) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true })
      const isLast = last !== null && rest.includes(last)
      const blocks = rest.split(separator)
      rest = blocks.pop()!
      yield* blocks
      if (isLast) return
      if (rest.length > source.bytesMax) throw brokenStream(source, 'TOO_LARGE')
    }
  } catch (cause) {
    if (cause instanceof StreamFailure) throw cause
    throw brokenStream(source, reasonOf(cause, false), cause)
  }
  if (last !== null) throw brokenStream(source, 'CUT_OFF')
}

const brokenStream = ({ name, status }: Source, reason: FailureReason, cause?: unknown): StreamFailure =>
  new StreamFailure(failedResult(name, { reason, status, cause }).errors ?? [])
