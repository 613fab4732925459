// One address of a subgraph over HTTP: its sockets, and whether it answers.

import { Agent, Pool, type buildConnector, type Dispatcher } from 'undici'
import { Breaker } from './breaker.ts'
import { reasonOf, type RemoteFailure } from './remote-failure.ts'
import type { Deadline } from './waiting.ts'

export interface AddressOptions {
  readonly connectionsMax: number
  /** The longest time from sending a request to the last byte of its response. */
  readonly timeoutMs: number
  /** The most bytes of a response. */
  readonly bytesMax: number
  /** A call that ended sooner than this without an answer does not open the breaker. */
  readonly silentMs: number
  /** Opens the sockets, for instance only to some addresses; null for any address. */
  readonly connect: buildConnector.connector | null
}

export interface HttpReply {
  readonly status: number
  readonly text: string
}

export type Headers = Readonly<Record<string, string>>

/** The header with the milliseconds in which the hub needs the response. */
export const deadlineHeader = 'x-deadline-ms'

export class SubgraphAddress {
  readonly url: string
  readonly breaker: Breaker
  /** Calls that are not answered yet. */
  pending = 0
  readonly #options: AddressOptions
  readonly #path: string
  readonly #origin: string
  readonly #calls: Pool
  /** Apart from the calls: each stream holds a socket for as long as it is open. */
  readonly #streams: Agent

  /** `onPause` is called when the breaker opens. */
  constructor(url: string, options: AddressOptions, onPause: () => void) {
    const { origin, pathname, search } = new URL(url)
    const { connectionsMax, timeoutMs, bytesMax, connect } = options
    const timeouts = { headersTimeout: timeoutMs, connect: connect ?? { timeout: timeoutMs } }
    this.url = url
    this.breaker = new Breaker(onPause)
    this.#options = options
    this.#origin = origin
    this.#path = pathname + search
    this.#calls = new Pool(origin, {
      ...timeouts,
      connections: connectionsMax,
      bodyTimeout: timeoutMs,
      maxResponseSize: bytesMax,
    })
    this.#streams = new Agent({ ...timeouts, bodyTimeout: 0 })
  }

  /** Sends a request, and ends it with `deadline`. Never rejects. */
  async send(body: string, headers: Headers, deadline: Deadline | null): Promise<HttpReply | RemoteFailure> {
    const { timeoutMs, silentMs } = this.#options
    const sentAtMs = performance.now()
    const end = this.breaker.begin()
    let status: number | null = null
    this.pending++
    try {
      const response = await this.#calls.request({
        method: 'POST',
        path: this.#path,
        body,
        headers: deadline ? { ...headers, [deadlineHeader]: millisecondsOf(deadline) } : headers,
        signal: signalOf(deadline, timeoutMs),
      })
      status = response.statusCode
      const text = await response.body.text()
      end('answered')
      return { status, text }
    } catch (cause) {
      const reason = reasonOf(cause, deadline?.isPast ?? false)
      // A deadline that is past before its time is one whose client has gone.
      const hasClient = !deadline?.isPast || deadline.leftMs <= 0
      const wasSilent = hasClient && performance.now() - sentAtMs >= silentMs
      if (status !== null || reason === 'TOO_LARGE') end('answered')
      else end(reason === 'TIMEOUT' && wasSilent ? 'timed out' : 'other')
      return { reason, status, cause }
    } finally {
      this.pending--
    }
  }

  /** Sends a request whose response is a stream. Rejects with the error of undici. */
  async stream(body: string, headers: Headers, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    return this.#streams.request({
      origin: this.#origin,
      method: 'POST',
      path: this.#path,
      body,
      headers,
      signal,
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.#calls.close(), this.#streams.destroy()])
  }
}

const millisecondsOf = ({ leftMs }: Deadline): string => String(Math.max(1, Math.floor(leftMs)))

/** A signal costs more than the rest of a request, so that of the deadline is used alone where it can be. */
function signalOf(deadline: Deadline | null, timeoutMs: number): AbortSignal {
  if (!deadline) return AbortSignal.timeout(timeoutMs)
  if (deadline.leftMs <= timeoutMs) return deadline.signal
  return AbortSignal.any([AbortSignal.timeout(timeoutMs), deadline.signal])
}

/**
 * The address with the fewest pending calls that may be called, any of them where several are; undefined when
 * there is none.
 */
export function idlest(
  addresses: readonly SubgraphAddress[],
  except: ReadonlySet<SubgraphAddress> = new Set(),
): SubgraphAddress | undefined {
  const start = addresses.length > 1 ? Math.floor(Math.random() * addresses.length) : 0
  let best: SubgraphAddress | undefined
  for (let n = 0; n < addresses.length; n++) {
    const address = addresses[(start + n) % addresses.length]!
    if (except.has(address) || !address.breaker.admits) continue
    if (!best || address.pending < best.pending) best = address
  }
  return best
}
