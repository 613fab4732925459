// Sends one signed POST to an address that a participant chose: bounded in time and size, never redirected,
// and only to addresses that the hub may call.

import { Agent, type Dispatcher } from 'undici'
import { isRefusal } from '../../../schema/values/problems.ts'
import { readCallbackUrl } from '../../shared/callback-url.ts'
import { checkedConnector, ForbiddenAddressError, type Resolve } from '../../shared/checked-connector.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import type { SigningSecret } from '../../shared/signing-secret.ts'
import { signatureHeaders } from './signature.ts'

export interface Message {
  /** The webhook-id, the same for every attempt. It must not contain a full stop. */
  readonly id: string
  readonly url: string
  /** JSON. */
  readonly body: string
  /** The secrets that sign now. */
  readonly secrets: readonly SigningSecret[]
  /** For the signature. */
  readonly at: Date
}

export type SendOutcome =
  | {
      readonly kind: 'ANSWERED'
      readonly status: number
      /** The first 64 KB, as text. */
      readonly body: string
      readonly latencyMs: number
    }
  | {
      readonly kind: 'FAILED'
      /** Readable text for the participant. */
      readonly error: string
      /** False only when no byte of the request can have been delivered. */
      readonly mayHaveArrived: boolean
      readonly latencyMs: number
    }

export interface HttpSender {
  /** Never throws: every outcome is a value. `signal` aborts the request before its time-out. */
  send(
    message: Message,
    limits?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<SendOutcome>
  /** Ends all connections, also those with a request under way. */
  close(): Promise<void>
}

export interface HttpSenderOptions {
  readonly reach: Reach
  /** Resolves a host name; by default with the system’s resolver. */
  readonly resolve?: Resolve
  /** For connecting, sending and receiving the whole response together. */
  readonly timeoutMs?: number
}

export function openHttpSender(options: HttpSenderOptions): HttpSender {
  const { reach, timeoutMs = 10_000, resolve } = options
  const agent = new Agent({ connect: checkedConnector(reach, timeoutMs, resolve), allowH2: false })
  return {
    send: (message, limits) => send(agent, reach, message, { timeoutMs, ...limits }),
    close: () => agent.destroy(),
  }
}

async function send(
  agent: Agent,
  reach: Reach,
  message: Message,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal },
): Promise<SendOutcome> {
  const startedAt = performance.now()
  const latencyMs = () => Math.round(performance.now() - startedAt)
  const late = AbortSignal.timeout(timeoutMs)
  let hasStarted = false
  const onStart = () => {
    hasStarted = true
  }
  const watched = agent.compose(
    (dispatch) => (request, handler) => dispatch(request, watchStart(handler, onStart)),
  )
  try {
    // The URL was allowed when it was stored, but the rules may have changed since.
    const target = readCallbackUrl(message.url, reach, [])
    if (isRefusal(target)) throw new ForbiddenAddressError(target.message)
    const { statusCode, body } = await watched.request({
      ...addressOf(target),
      method: 'POST',
      headers: {
        ...signatureHeaders(message.id, message.at, message.body, message.secrets),
        'content-type': 'application/json',
        'user-agent': 'Crossgate-Webhooks/1',
      },
      body: message.body,
      signal: signal ? AbortSignal.any([signal, late]) : late,
    })
    return { kind: 'ANSWERED', status: statusCode, body: await readBounded(body), latencyMs: latencyMs() }
  } catch (error) {
    const reason = late.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error)
    return { kind: 'FAILED', error: reason, mayHaveArrived: hasStarted, latencyMs: latencyMs() }
  }
}

/**
 * Calls `onStart` when writing to an established connection begins: before that, no byte of the request was
 * sent.
 */
const watchStart = (
  handler: Dispatcher.DispatchHandler,
  onStart: () => void,
): Dispatcher.DispatchHandler => ({
  onRequestStart(controller, context) {
    onStart()
    handler.onRequestStart?.(controller, context)
  },
  onResponseStart: (...args) => handler.onResponseStart?.(...args),
  onResponseData: (...args) => handler.onResponseData?.(...args),
  onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
  onResponseError: (...args) => handler.onResponseError?.(...args),
})

const addressOf = (target: string) => {
  const { origin, pathname, search } = new URL(target)
  return { origin, path: `${pathname}${search}` }
}

/** Reads the first 64 KB of a body. The rest is discarded together with its connection. */
async function readBounded(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bodyBytesMax) break
  }
  return Buffer.concat(chunks).subarray(0, bodyBytesMax).toString('utf8')
}

const bodyBytesMax = 65_536

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'aborted'
  const { code } = error as NodeJS.ErrnoException
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : []
  const message = error.message || first?.message || error.name
  return code && !message.includes(code) ? `${code}: ${message}` : message
}
