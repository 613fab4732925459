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
import type { BrokerConnection, OutletOptions } from './connection.ts'
import type { OutletEvent } from './cloud-event.ts'

const contentType = 'application/cloudevents+json; charset=utf-8'
const answerWithinMs = 5_000

/** Makes the stream with one replica when it is not there. */
export async function connectToNats({ url, stream, subject }: OutletOptions): Promise<BrokerConnection> {
  const connection = await connect({ ...serversOf(url), reconnect: false, timeout: answerWithinMs })
  try {
    const manager = await jetstreamManager(connection, { timeout: answerWithinMs })
    /** Of the last message in the stream. */
    let sequence = await openStream(manager, stream, subject)
    const last = sequence === 0 ? null : await manager.streams.getMessage(stream, { seq: sequence })
    return {
      position: BigInt(last?.header.get('Nats-Msg-Id') ?? 0),
      async append(events) {
        await publishAll(connection, { stream, subject, sequence }, events)
        sequence += events.length
      },
      close: () => connection.close(),
    }
  } catch (error) {
    await connection.close()
    throw error
  }
}

async function publishAll(
  connection: NatsConnection,
  { stream, subject, sequence }: { stream: string; subject: string; sequence: number },
  events: readonly OutletEvent[],
): Promise<void> {
  const client = jetstream(connection, { timeout: answerWithinMs })
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
