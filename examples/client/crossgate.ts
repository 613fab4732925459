// A client of the hub in one file, without a package at run time. It repeats what is safe to repeat, resumes
// streams, and verifies webhooks.

import { createHmac, timingSafeEqual } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { TadaDocumentNode as Document } from 'gql.tada'

/** A refusal of the request as a whole: no field has a value. `data` with a `Problem` is not one. */
export class HubError extends Error {
  readonly code: string
  /** The same request may succeed later. */
  readonly retryable: boolean

  constructor(message: string, code: string, retryable: boolean) {
    super(message)
    this.name = 'HubError'
    this.code = code
    this.retryable = retryable
  }
}

export interface ClientOptions {
  /** For instance "https://pay.example". */
  readonly url: string
  readonly key: string
  /** Attempts of one call. */
  readonly attemptsMax?: number
  /** The longest wait before the second attempt; it doubles for each further one. */
  readonly waitMs?: number
}

/** An event of a subscription. */
export interface StreamEvent<Result> {
  readonly data: Result
  /** Resumes after this event; null for a subscription without positions. */
  readonly cursor: string | null
}

interface Response<Result> {
  readonly data?: Result | null
  readonly errors?: readonly WireError[]
}

interface WireError {
  readonly message: string
  readonly extensions?: { readonly code?: string; readonly retryable?: boolean }
}

export class CrossgateClient {
  readonly #options: Required<ClientOptions>

  constructor(options: ClientOptions) {
    this.#options = { attemptsMax: 6, waitMs: 250, ...options }
  }

  /** Reads. Repeated after a failure of the network or an outage. Throws HubError. */
  query<Result, Variables>(document: Document<Result, Variables>, variables: Variables): Promise<Result> {
    return this.#repeat(() => this.#send(document, variables))
  }

  /**
   * Changes something, once: with an idempotency key, which the caller keeps, the call is repeated like a
   * query and gives the result of the first one. Without a key it is sent once. Throws HubError.
   */
  mutate<Result, Variables extends { readonly input: object }>(
    document: Document<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const { idempotencyKey } = variables.input as { readonly idempotencyKey?: string | null }
    const send = () => this.#send(document, variables)
    return idempotencyKey ? this.#repeat(send) : send()
  }

  /**
   * Follows a subscription over server-sent events, and resumes after the last event whenever the
   * connection ends. Ends when the subscription is complete or `signal` aborts. Throws HubError for a
   * refusal.
   */
  async *follow<Result, Variables>(
    document: Document<Result, Variables>,
    variables: Variables,
    { after = null, signal }: { readonly after?: string | null; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<StreamEvent<Result>, void> {
    let cursor = after
    for (let failures = 0; !signal?.aborted; failures++) {
      try {
        const headers = { accept: 'text/event-stream', ...(cursor && { 'last-event-id': cursor }) }
        const response = await this.#post('?checkpoints=true', document, variables, headers, signal)
        if (!response.ok || !response.body) throw errorOf(response.status, await response.text())
        for await (const { event, id, data } of readEvents(response.body)) {
          if (event === 'complete') return
          if (data === '') {
            cursor = id ?? cursor
            continue
          }
          const { data: result, errors } = JSON.parse(data) as Response<Result>
          if (!result) throw refusalOf(errors)
          failures = 0
          cursor = id ?? cursor
          yield { data: result, cursor: id }
        }
      } catch (error) {
        if (signal?.aborted) return
        if (error instanceof HubError && !error.retryable) throw error
      }
      await this.#wait(Math.min(failures, 6))
    }
  }

  /** Runs `call` again while its failure allows that. */
  async #repeat<Result>(call: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        const mayRepeat = !(error instanceof HubError) || error.retryable
        if (!mayRepeat || attempt >= this.#options.attemptsMax) throw error
        await this.#wait(attempt - 1)
      }
    }
  }

  async #send<Result, Variables>(
    document: Document<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const response = await this.#post('', document, variables, { accept: 'application/json' })
    const text = await response.text()
    if (!response.ok) throw errorOf(response.status, text)
    const { data, errors } = JSON.parse(text) as Response<Result>
    // A field that an outage left without a value is read again as well.
    if (!data || errors?.some(({ extensions }) => extensions?.retryable)) throw refusalOf(errors)
    return data
  }

  #post(
    search: string,
    document: Document<unknown, never> | object,
    variables: unknown,
    headers: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<globalThis.Response> {
    return fetch(`${this.#options.url}/graphql${search}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#options.key}`,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify({ query: document, variables }),
      ...(signal && { signal }),
    })
  }

  /** Waits at random up to twice as long for each failure, so that many clients do not return at once. */
  #wait(failures: number): Promise<void> {
    return pause(Math.random() * this.#options.waitMs * 2 ** failures)
  }
}

/** A refusal by its HTTP status: the body of a proxy may be no JSON. */
function errorOf(status: number, text: string): HubError {
  try {
    return refusalOf((JSON.parse(text) as Response<never>).errors, status)
  } catch {
    return new HubError(`HTTP status ${status}`, `HTTP_${status}`, status === 429 || status >= 500)
  }
}

function refusalOf(errors: readonly WireError[] = [], status = 200): HubError {
  const error = errors.find(({ extensions }) => extensions?.retryable) ?? errors[0]
  const { code = 'UNKNOWN', retryable = status === 429 || status >= 500 } = error?.extensions ?? {}
  return new HubError(error?.message ?? 'the answer has no data', code, retryable)
}

interface ServerSentEvent {
  readonly event: string
  readonly id: string | null
  readonly data: string
}

/** The events of a stream; a line that begins with a colon is a comment. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent, void> {
  let text = ''
  for await (const chunk of body.pipeThrough<string>(new TextDecoderStream() as never)) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop()!
    for (const block of blocks) {
      const fields = new Map(
        block
          .split('\n')
          .map((line) => /^(\w+): ?(.*)$/.exec(line))
          .flatMap((match) => (match ? [[match[1]!, match[2]!]] : [])),
      )
      if (fields.size === 0) continue
      yield {
        event: fields.get('event') ?? 'next',
        id: fields.get('id') ?? null,
        data: fields.get('data') ?? '',
      }
    }
  }
}

/**
 * The message of a webhook or of a request of the hub, once its signature holds for one of `secrets`.
 * Throws an Error otherwise, and for a message that is more than five minutes old. Standard Webhooks 1.0.0.
 */
export function verifyWebhook(
  secrets: readonly string[],
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
  now = new Date(),
): unknown {
  const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map(
    (name) => headers[`webhook-${name}`],
  )
  const isFresh = Math.abs(now.getTime() / 1000 - Number(timestamp)) <= 300
  if (!isFresh || typeof signature !== 'string') throw new Error('the message is unsigned or too old')
  const given = signature.split(' ').map((one) => Buffer.from(one.replace(/^v1,/, ''), 'base64'))
  const isSigned = secrets.some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
    const own = createHmac('sha256', key)
      .update(`${String(id)}.${String(timestamp)}.${body}`)
      .digest()
    return given.some((one) => one.length === own.length && timingSafeEqual(one, own))
  })
  if (!isSigned) throw new Error('no signature of the message holds')
  return JSON.parse(body)
}
