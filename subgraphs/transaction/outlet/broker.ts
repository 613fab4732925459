// What all message brokers of the outlet share: which one a URL names, and what happens while it is away.

import { OutageError } from '../../platform/async/outage.ts'
import { asError, pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import type { OutletEvent } from './cloud-event.ts'
import type { BrokerConnection, OutletOptions } from './connection.ts'

/**
 * A message broker. Every run of the projection begins with `begin`, and what `publish` then gets follows
 * without a gap. Both throw an OutageError while it is away.
 */
export interface MessageBroker {
  /** Returns the position of the latest event that it has; 0 when it has none. */
  begin(): Promise<bigint>
  /** Appends the events, which are after all that it has; resolves once it has acknowledged all. */
  publish(events: readonly OutletEvent[]): Promise<void>
  /** Ends waiting, and what comes later fails. */
  close(): Promise<void>
}

const connectAgainMs = 1_000
/** What takes longer is left; the next connection finds out what has become of it. */
const answerWithinMs = 6_000
const closeWithinMs = 1_000

export function createMessageBroker(
  options: OutletOptions,
  { logger }: { readonly logger: Pick<Logger, 'warn'> },
): MessageBroker {
  const closing = new AbortController()
  let connection: BrokerConnection | null = null
  let isAway = false

  async function disconnect(): Promise<void> {
    const open = connection
    connection = null
    if (open) await within(closeWithinMs, open.close())
  }

  /** An error ends the connection, and the next `begin` opens another one. */
  async function away(error: unknown): Promise<OutageError> {
    if (!isAway && !closing.signal.aborted)
      logger.warn({ err: error }, 'the message broker of the outlet takes no events: trying again')
    isAway = true
    await disconnect().catch(() => {})
    await pause(connectAgainMs, closing.signal)
    return new OutageError('the message broker of the outlet is away', { cause: asError(error) })
  }

  return {
    async begin() {
      try {
        await disconnect().catch(() => {})
        closing.signal.throwIfAborted()
        const opening = openConnection(options)
        connection = await within(answerWithinMs, opening).catch((error: unknown) => {
          void opening.then((late) => late.close()).catch(() => {})
          throw error
        })
        closing.signal.throwIfAborted()
        return connection.position
      } catch (error) {
        throw await away(error)
      }
    },
    async publish(events) {
      try {
        if (connection === null) throw new Error('the connection has ended')
        await within(answerWithinMs, connection.append(events))
        isAway = false
      } catch (error) {
        throw await away(error)
      }
    },
    async close() {
      closing.abort()
      await disconnect().catch(() => {})
    },
  }
}

async function within<T>(ms: number, call: Promise<T>): Promise<T> {
  const answered = new AbortController()
  const late = pause(ms, answered.signal).then(() => {
    throw new Error(`the message broker has not answered within ${ms} ms`)
  })
  try {
    return await Promise.race([call, late])
  } finally {
    answered.abort()
  }
}

/** Only the client that is used is loaded. */
async function openConnection(options: OutletOptions): Promise<BrokerConnection> {
  if (options.url.startsWith('kafka')) return (await import('./kafka.ts')).connectToKafka(options)
  return (await import('./nats.ts')).connectToNats(options)
}
