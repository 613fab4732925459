// A topic of Kafka as the message broker of the outlet. Each batch is one transaction of a transactional id
// that all hubs share: a hub that opens a connection fences the others, and ends what they have begun. So a
// partition is a sequence of batches, each followed by its commit or its abort. A record has the payment's id
// as its key, so the events of a payment are in one partition and in order, and the position as a header.

import { Admin, Consumer, Producer, type BaseOptions } from '@platformatic/kafka'
import type { BrokerConnection, OutletOptions } from './connection.ts'
import type { OutletEvent } from './cloud-event.ts'

const contentType = 'application/cloudevents+json; charset=utf-8'
const answerWithinMs = 2_000
/** Offsets that are read from the end, until one holds a committed event: more than two batches. */
const readFromEnd = 1_024n

/** Makes the topic with one partition when it is not there. */
export async function connectToKafka({ url, subject: topic }: OutletOptions): Promise<BrokerConnection> {
  const options = clientOptions(url)
  const admin = new Admin(options)
  const consumer = new Consumer({ ...options, groupId: `${topic}.outlet` })
  const producer = new Producer({ ...options, idempotent: true, transactionalId: `${topic}.outlet` })
  const close = async (): Promise<void> => {
    await Promise.allSettled([admin.close(), consumer.close(true), producer.close(true)])
  }
  try {
    await openTopic(admin, topic)
    // The first one fences the other hubs.
    let transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
    return {
      position: await lastPosition(consumer, topic),
      async append(events) {
        await transaction.send({ messages: events.map((event) => messageOf(topic, event)) })
        await transaction.commit()
        transaction = await producer.beginTransaction()
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function messageOf(topic: string, { position, key, body }: OutletEvent) {
  const headers = new Map([
    [Buffer.from('content-type'), Buffer.from(contentType)],
    [Buffer.from('position'), Buffer.from(String(position))],
  ])
  return { topic, key: Buffer.from(key), value: Buffer.from(body), headers }
}

async function openTopic(admin: Admin, topic: string): Promise<void> {
  const topics = await admin.listTopics()
  if (!topics.includes(topic)) await admin.createTopics({ topics: [topic], partitions: 1, replicas: -1 })
}

/** A transaction spans all partitions, so what the latest position precedes is in its own partition. */
async function lastPosition(consumer: Consumer, topic: string): Promise<bigint> {
  const { id, partitions } = (await consumer.metadata({ topics: [topic], forceUpdate: true })).topics.get(
    topic,
  )!
  const ends = await consumer.listOffsets({ topics: [topic] })
  const starts = await consumer.listOffsets({ topics: [topic], timestamp: -2n })
  let last = 0n
  for (const [partition, { leader }] of partitions.entries()) {
    const [start, end] = [starts.get(topic)![partition]!, ends.get(topic)![partition]!]
    const source = { topicId: id, partition, node: leader }
    let found: bigint | null = null
    for (let count = readFromEnd, from = end; found === null && from > start; count *= 2n) {
      from = end - count > start ? end - count : start
      found = await lastCommitted(consumer, source, from, end)
    }
    if (found !== null && found > last) last = found
  }
  return last
}

/**
 * Reads a partition from `from` to `end`; returns the position of the last event before its last commit, null
 * when there is none.
 */
async function lastCommitted(
  consumer: Consumer,
  { topicId, partition, node }: { topicId: string; partition: number; node: number },
  from: bigint,
  end: bigint,
): Promise<bigint | null> {
  let committed: bigint | null = null
  let pending: bigint | null = null
  for (let offset = from; offset < end;) {
    const asked = { partition, fetchOffset: offset, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
    const { responses } = await consumer.fetch({
      node,
      topics: [{ topicId, partitions: [{ ...asked, partitionMaxBytes: 4_194_304 }] }],
      // Aborted batches are recognized here.
      isolationLevel: 0,
      maxWaitTime: 100,
    })
    const batches = responses[0]?.partitions[0]?.records ?? []
    if (batches.length === 0) throw new Error(`partition ${partition} has no record at offset ${offset}`)
    for (const { attributes, firstOffset, lastOffsetDelta, records } of batches) {
      const isControl = (attributes & 0x20) !== 0
      if (!isControl) pending = positionOf(records.at(-1)?.headers ?? []) ?? pending
      else if (isCommit(records[0]?.key)) committed = pending ?? committed
      if (isControl) pending = null
      offset = firstOffset + BigInt(lastOffsetDelta) + 1n
    }
  }
  return committed
}

/** The key of a control record is its version and its type: 0 for an abort, 1 for a commit. */
const isCommit = (key: Buffer | null | undefined): boolean => key?.readInt16BE(2) === 1

function positionOf(headers: readonly (readonly [Buffer | null, Buffer | null])[]): bigint | null {
  const value = headers.find(([name]) => name?.toString() === 'position')?.[1]
  return value ? BigInt(value.toString()) : null
}

/** With a user and a password, logs in by `?mechanism=`, SCRAM-SHA-512 unless it is given. */
function clientOptions(urls: string): BaseOptions {
  const servers = urls.split(',').map((url) => new URL(url.trim()))
  const [{ protocol, username, password, searchParams }] = servers as [URL]
  const mechanism = (searchParams.get('mechanism') ?? 'SCRAM-SHA-512') as 'PLAIN'
  return {
    clientId: 'crossgate',
    bootstrapBrokers: servers.map(({ host }) => host),
    connectTimeout: answerWithinMs,
    requestTimeout: answerWithinMs,
    timeout: answerWithinMs,
    retries: 2,
    retryDelay: 100,
    ...(username !== '' && {
      sasl: { mechanism, username: decodeURIComponent(username), password: decodeURIComponent(password) },
    }),
    ...(protocol === 'kafkas:' && { tls: {} }),
  }
}
