// One signed POST to an address that somebody else chose: bounded in time and size, never redirected, and never to where the
// hub must not call. The address that is checked is the one that is connected to, so no name can be resolved twice, once for
// the check and differently for the call.

import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { callbackify } from 'node:util'
import { Agent, buildConnector, type Dispatcher } from 'undici'
import { isRefusal } from '../../../schema/values/problems.ts'
import { isReachable, type Reach } from '../../shared/reachable-address.ts'
import { signatureHeaders, type SigningSecret } from './signature.ts'
import { readCallbackUrl } from '../../shared/callback-url.ts'

export interface Message {
  /** The webhook-id: the same whenever the same message is sent again. No full stop in it. */
  readonly id: string
  readonly url: string
  /** JSON. */
  readonly body: string
  /** Those that sign now. */
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
      /** For people. */
      readonly error: string
      /** False only when surely no byte of the request can have been delivered. */
      readonly mayHaveArrived: boolean
      readonly latencyMs: number
    }

export interface HttpSender {
  /** Never throws: every outcome is a value. `signal` gives up earlier than the time-out. */
  send(
    message: Message,
    limits?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<SendOutcome>
  /** Ends connections that are kept open, and what is under way. */
  close(): Promise<void>
}

export interface HttpSenderOptions {
  readonly reach: Reach
  /** What a name stands for; by default what the system says. */
  readonly resolve?: (hostname: string) => Promise<readonly ResolvedAddress[]>
  /** For connecting, sending, and the whole answer together. */
  readonly timeoutMs?: number
}

interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

export function openHttpSender(options: HttpSenderOptions): HttpSender {
  const { reach, timeoutMs: usualMs = 10_000, resolve = (name) => lookup(name, { all: true }) } = options
  const agent = new Agent({ connect: checkedConnector(reach, resolve, usualMs), allowH2: false })

  return {
    async send(message, { timeoutMs = usualMs, signal } = {}) {
      const startedAt = performance.now()
      const latencyMs = () => Math.round(performance.now() - startedAt)
      const late = AbortSignal.timeout(timeoutMs)
      let hasStarted = false
      const watched = agent.compose(
        (dispatch) => (request, handler) =>
          dispatch(
            request,
            watchStart(handler, () => (hasStarted = true)),
          ),
      )
      try {
        // Written once it was allowed; what is allowed may have changed.
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
        const reason = late.aborted ? `no answer within ${timeoutMs} ms` : whyOf(error)
        return { kind: 'FAILED', error: reason, mayHaveArrived: hasStarted, latencyMs: latencyMs() }
      }
    },
    close: () => agent.destroy(),
  }
}

class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError'
}

/** Tells when a request begins to be written to a connection that stands: before that, nothing of it has left. */
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

/** Connects only to addresses that `reach` takes in: the very ones that were looked at. */
function checkedConnector(
  reach: Reach,
  resolve: NonNullable<HttpSenderOptions['resolve']>,
  timeout: number,
): buildConnector.connector {
  const find = async (hostname: string): Promise<readonly ResolvedAddress[]> => {
    const found = await resolve(hostname)
    const forbidden = found.find(({ address }) => !isReachable(address, reach))
    // The message does not say which: nobody is to learn the addresses of inner networks here. One is enough: whoever mixes good and bad addresses under a name hopes that the bad one is taken.
    if (forbidden)
      throw new ForbiddenAddressError(`the hub does not call ${hostname}: its address is not a public one`)
    if (found.length === 0) throw new Error(`${hostname} has no address`)
    return found
  }
  const findThen = callbackify(find)
  const checkedLookup: LookupFunction = (hostname, { all }, callback) =>
    findThen(hostname, (error, found) => {
      if (error) callback(error, '')
      else if (all) callback(null, [...found])
      else callback(null, found[0]!.address, found[0]!.family)
    })
  const connect = buildConnector({ lookup: checkedLookup, timeout, allowH2: false })
  return (where, callback) => {
    // An address is not looked up, so it is looked at here.
    const address = where.hostname.replace(/^\[|\]$/g, '')
    if (isIP(address) !== 0 && !isReachable(address, reach)) {
      callback(new ForbiddenAddressError(`the hub does not call ${address}`), null)
      return
    }
    connect(where, callback)
  }
}

const addressOf = (target: string) => {
  const { origin, pathname, search } = new URL(target)
  return { origin, path: `${pathname}${search}` }
}

/** The beginning of a body. The rest is not waited for, and its connection is not used again. */
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

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return 'given up'
  const { code } = error as NodeJS.ErrnoException
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : []
  const message = error.message || first?.message || error.name
  return code && !message.includes(code) ? `${code}: ${message}` : message
}
