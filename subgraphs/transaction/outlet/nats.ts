// A stream of NATS JetStream as the message broker of the outlet. Each message names the sequence number
// that the one before it has in the stream, so the stream refuses whatever would leave a gap or change the
// order, also from a publisher whose lease has passed. `Nats-Msg-Id` is the position.

import {
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { connect, headers, type NatsConnection } from '@nats-io/transport-node'
import { OutageError } from '../../platform/async/outage.ts'
import { asError, pause } from '../../platform/async/promise.ts'
import type { Logger } from '../../platform/logger.ts'
import type { OutletEvent } from './cloud-event.ts'
import type { MessageBroker } from './outlet.ts'

export interface NatsOptions {
  /** For instance "nats://user:password@127.0.0.1:4222", or "tls://…". Several are separated by commas. */
  readonly url: string
  /** Of this outlet alone; made with one replica when it is not there. */
  readonly stream: string
  readonly subject: string
  readonly logger: Pick<Logger, 'warn'>
}

const contentType = 'application/cloudevents+json; charset=utf-8'
const answerWithinMs = 5_000
const connectAgainMs = 1_000

export function createNatsBroker({ url, stream, subject, logger }: NatsOptions): MessageBroker {
  const closing = new AbortController()
  let connection: NatsConnection | null = null
  /** Of the last message in the stream. */
  let sequence = 0
  let isAway = false

  async function disconnect(): Promise<void> {
    const open = connection
    connection = null
    await open?.close()
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
        await disconnect()
        closing.signal.throwIfAborted()
        connection = await connect({ ...serversOf(url), reconnect: false, timeout: answerWithinMs })
        closing.signal.throwIfAborted()
        const manager = await jetstreamManager(connection, { timeout: answerWithinMs })
        sequence = await openStream(manager, stream, subject)
        const last = sequence === 0 ? null : await manager.streams.getMessage(stream, { seq: sequence })
        return BigInt(last?.header.get('Nats-Msg-Id') ?? 0)
      } catch (error) {
        throw await away(error)
      }
    },
    async publish(events) {
      try {
        if (connection === null) throw new Error('the connection has ended')
        await publishAll(connection, events)
        sequence += events.length
        isAway = false
      } catch (error) {
        throw await away(error)
      }
    },
    async close() {
      closing.abort()
      await disconnect()
    },
  }

  async function publishAll(open: NatsConnection, events: readonly OutletEvent[]): Promise<void> {
    const client = jetstream(open, { timeout: answerWithinMs })
    const acknowledged = events.map(({ position, body }, n) => {
      const own = headers()
      own.set('Content-Type', contentType)
      return client.publish(subject, body, {
        msgID: String(position),
        headers: own,
        expect: { streamName: stream, lastSequence: sequence + n },
      })
    })
    const outcomes = await Promise.allSettled(acknowledged)
    for (const [n, outcome] of outcomes.entries()) {
      if (outcome.status === 'rejected') throw outcome.reason
      const { duplicate, seq } = outcome.value
      if (duplicate || seq !== sequence + n + 1) throw new Error('another publisher writes to the stream')
    }
  }
}

/**
 * Makes the stream unless it is there; returns the sequence number of its last message, 0 in an empty
 * one.
 */
async function openStream(manager: JetStreamManager, name: string, subject: string): Promise<number> {
  try {
    return (await manager.streams.info(name)).state.last_seq
  } catch (error) {
    const isMissing = error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound
    if (!isMissing) throw error
    return (await manager.streams.add({ name, subjects: [subject] })).state.last_seq
  }
}

/** The client takes a user and a password beside the addresses. */
function serversOf(urls: string) {
  const servers = urls.split(',').map((url) => new URL(url.trim()))
  const [{ protocol, username, password }] = servers as [URL]
  return {
    servers: servers.map(({ host }) => host),
    ...(password !== '' && { user: decodeURIComponent(username), pass: decodeURIComponent(password) }),
    ...(password === '' && username !== '' && { token: decodeURIComponent(username) }),
    ...(protocol === 'tls:' && { tls: {} }),
  }
}
