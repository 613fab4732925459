// Partition 0 of a topic of Kafka as the message broker of the outlet. A batch is one request, which the
// partition takes as a whole, and no request is repeated: what an error leaves open, the next connection
// reads in the partition. A connection begins with an empty transaction of the transactional id that all hubs
// share. Its marker in the partition fences the hubs before it: what precedes the marker is read, and what
// comes later from them is refused by its epoch. The events are in no transaction, so every consumer reads
// them at once, whatever its isolation level.

import { Admin, Consumer, type BaseOptions } from '@platformatic/kafka'
import { pause } from '../../platform/async/promise.ts'
import type { BrokerConnection, OutletOptions } from './connection.ts'
import type { OutletEvent } from './cloud-event.ts'
import { KafkaProducer, type Epoch } from './kafka-producer.ts'

const contentType = 'application/cloudevents+json; charset=utf-8'
const answerWithinMs = 2_000
/** A broker deletes a transactional id that has begun no transaction for a week, its default. */
const dayMs = 86_400_000
/** Offsets that are read from the end at first; twice as many until one holds an event. */
const readFromEnd = 8n
/** The marker of a transaction is written after its end is acknowledged. */
const markerReads = 100
const markerAgainMs = 20

/** Makes the topic with one partition when it is not there; `renewMs` is how often it shows itself in use. */
export async function connectToKafka(
  { url, subject: topic }: OutletOptions,
  renewMs = dayMs,
): Promise<BrokerConnection> {
  const options = clientOptions(url)
  const admin = new Admin(options)
  const consumer = new Consumer({ ...options, groupId: `${topic}.outlet` })
  let producer: KafkaProducer | null = null
  const close = async (): Promise<void> => {
    await Promise.allSettled([admin.close(), consumer.close(true), producer?.close()])
  }
  try {
    await openTopic(admin, topic)
    const { brokers, topics } = await consumer.metadata({ topics: [topic], forceUpdate: true })
    const { id: topicId, partitions } = topics.get(topic)!
    const node = partitions[0]!.leader
    const opened = (producer = await KafkaProducer.open(options, brokers.get(node)!, topic))
    await opened.writeMarker()
    let renewedAt = performance.now()
    return {
      position: await lastPosition(consumer, { topic, topicId, node }, opened.epoch),
      async append(events) {
        if (performance.now() - renewedAt >= renewMs) {
          await opened.writeMarker()
          renewedAt = performance.now()
        }
        await opened.append(events.map((event) => recordOf(topic, event)))
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function recordOf(topic: string, { position, key, body }: OutletEvent) {
  const headers = new Map([
    [Buffer.from('content-type'), Buffer.from(contentType)],
    [Buffer.from('position'), Buffer.from(String(position))],
  ])
  return { topic, partition: 0, key: Buffer.from(key), value: Buffer.from(body), headers }
}

async function openTopic(admin: Admin, topic: string): Promise<void> {
  const topics = await admin.listTopics()
  if (!topics.includes(topic)) await admin.createTopics({ topics: [topic], partitions: 1, replicas: -1 })
}

interface Source {
  readonly topic: string
  readonly topicId: string
  /** The leader of partition 0. */
  readonly node: number
}

/** The position of the last event, once the partition has the marker of `epoch`; 0 when it has no event. */
async function lastPosition(consumer: Consumer, source: Source, epoch: Epoch): Promise<bigint> {
  const { topic } = source
  const offsetAt = async (timestamp: bigint): Promise<bigint> =>
    (await consumer.listOffsets({ topics: [topic], timestamp })).get(topic)![0]!
  const start = await offsetAt(earliest)
  let count = readFromEnd
  for (let reads = 0; reads < markerReads;) {
    const end = await offsetAt(latest)
    const from = end - count > start ? end - count : start
    const batches = await readBatches(consumer, source, from, end)
    const position = batches.map(positionOf).findLast((found) => found !== null)
    if (!batches.some((batch) => isMarkerOf(batch, epoch))) {
      reads++
      await pause(markerAgainMs)
    } else if (position !== undefined) return position
    else if (from === start) return 0n
    else count *= 2n
  }
  throw new Error(`topic ${topic} has not received the marker of a transaction`)
}

const earliest = -2n
const latest = -1n

type Batch = NonNullable<
  Awaited<ReturnType<Consumer['fetch']>>['responses'][number]['partitions'][number]['records']
>[number]

/** The batches with the offsets from `from` to `end`, which is not included. */
async function readBatches(
  consumer: Consumer,
  { topicId, node }: Source,
  from: bigint,
  end: bigint,
): Promise<Batch[]> {
  const found: Batch[] = []
  for (let offset = from; offset < end;) {
    const asked = { partition: 0, fetchOffset: offset, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
    const { responses } = await consumer.fetch({
      node,
      topics: [{ topicId, partitions: [{ ...asked, partitionMaxBytes: 4_194_304 }] }],
      maxWaitTime: 100,
    })
    const batches = responses[0]?.partitions[0]?.records ?? []
    const last = batches.at(-1)
    if (!last) throw new Error(`the partition has no record at offset ${offset}`)
    found.push(...batches)
    offset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
  }
  return found
}

const isControl = ({ attributes }: Batch): boolean => (attributes & 0x20) !== 0

const isMarkerOf = (batch: Batch, { producerId, producerEpoch }: Epoch): boolean =>
  isControl(batch) && batch.producerId === producerId && batch.producerEpoch === producerEpoch

/** Of its last event; null for the marker of a transaction. */
function positionOf(batch: Batch): bigint | null {
  if (isControl(batch)) return null
  const { headers } = batch.records.at(-1)!
  return BigInt(headers.find(([name]) => name?.toString() === 'position')![1]!.toString())
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
