import { Consumer } from '@platformatic/kafka'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMessageBroker } from '../../../../subgraphs/transaction/outlet/broker.ts'
import { connectToKafka } from '../../../../subgraphs/transaction/outlet/kafka.ts'
import { describeOutlet, outletNames, type Message } from '../../../contracts/outlet.ts'
import { aKafkaBroker, kafkaBroker } from '../../../fixtures/a-kafka-broker.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'

type Names = typeof outletNames

/** Reads the topic to its end, twice: consumers of both isolation levels get the same. */
async function messagesOf({ url }: { url: string }, { subject: topic }: Names): Promise<Message[]> {
  const bootstrapBrokers = [url.replace('kafka://', '')]
  const consumer = new Consumer({ clientId: 'test', groupId: 'test', bootstrapBrokers })
  try {
    const [uncommitted, committed] = [await readAll(consumer, topic, 0), await readAll(consumer, topic, 1)]
    expect(committed).toEqual(uncommitted)
    return committed
  } finally {
    await consumer.close(true)
  }
}

async function readAll(consumer: Consumer, topic: string, isolationLevel: number): Promise<Message[]> {
  const { id: topicId, partitions } = (await consumer.metadata({ topics: [topic] })).topics.get(topic)!
  const end = (await consumer.listOffsets({ topics: [topic], isolationLevel })).get(topic)![0]!
  const found: Message[] = []
  for (let offset = 0n; offset < end;) {
    const asked = { partition: 0, fetchOffset: offset, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }
    const { responses } = await consumer.fetch({
      node: partitions[0]!.leader,
      topics: [{ topicId, partitions: [{ ...asked, partitionMaxBytes: 1_000_000 }] }],
      isolationLevel,
      maxWaitTime: 100,
    })
    for (const { attributes, records, firstOffset, lastOffsetDelta } of responses[0]!.partitions[0]!
      .records!) {
      offset = firstOffset + BigInt(lastOffsetDelta) + 1n
      // A marker of a transaction, which consumers skip.
      if ((attributes & 0x20) !== 0) continue
      for (const { headers, value } of records) {
        const position = headers.find(([name]) => name?.toString() === 'position')![1]!
        found.push({ id: position.toString(), body: value!.toString() })
      }
    }
  }
  return found
}

await describeOutlet('Kafka', { isHere: kafkaBroker !== null, startServer: () => aKafkaBroker(), messagesOf })

describe.skipIf(kafkaBroker === null)('a connection of the outlet to Kafka', () => {
  const event = (position: bigint) => ({ position, key: 'p', body: '{}' })

  test('logs in by the mechanism that its URL names', async () => {
    const { url } = await aKafkaBroker('hub:secret')
    const withUser = `${url.replace('//', '//hub:secret@')}?mechanism=SCRAM-SHA-256`
    const broker = createMessageBroker({ ...outletNames, url: withUser }, { logger: quietLog })
    onTestFinished(() => broker.close())
    expect(await broker.begin()).toBe(0n)
    await broker.publish([event(1n)])
    expect(await broker.begin()).toBe(1n)
  })

  // Two seconds pass until the connection gives the answer up.
  test('has a batch once that a broker takes after its connection has given it up', async () => {
    const server = await aKafkaBroker()
    const options = { ...outletNames, ...server }
    const late = await connectToKafka(options)
    onTestFinished(() => late.close())
    await late.append([event(1n)])
    await server.hold()
    await expect(late.append([event(2n), event(3n)])).rejects.toThrow('Request timed out')
    server.goOn()
    const next = await connectToKafka(options)
    onTestFinished(() => next.close())
    const missing = [2n, 3n, 4n].filter((position) => position > next.position)
    await next.append(missing.map(event))
    expect((await messagesOf(server, outletNames)).map(({ id }) => id)).toEqual(['1', '2', '3', '4'])
  })

  test('finds its last event behind the markers of many connections', async () => {
    const { url } = await aKafkaBroker()
    const connection = await connectToKafka({ ...outletNames, url }, 0)
    onTestFinished(() => connection.close())
    await connection.append([event(1n), event(2n)])
    for (let n = 0; n < 10; n++) await (await connectToKafka({ ...outletNames, url })).close()
    const next = await connectToKafka({ ...outletNames, url })
    onTestFinished(() => next.close())
    expect(next.position).toBe(2n)
  })

  test('renews its transactional id without an event twice, and not once another has it', async () => {
    const server = await aKafkaBroker()
    const options = { ...outletNames, ...server }
    const late = await connectToKafka(options, 0)
    onTestFinished(() => late.close())
    for (let position = 1n; position <= 5n; position++) await late.append([event(position)])
    const next = await connectToKafka(options)
    onTestFinished(() => next.close())
    expect(next.position).toBe(5n)
    await expect(late.append([event(6n)])).rejects.toThrow('AddPartitionsToTxn')
    await next.append([event(6n)])
    expect((await messagesOf(server, outletNames)).map(({ id }) => id)).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ])
  })
})
