import { Consumer } from '@platformatic/kafka'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMessageBroker } from '../../../../subgraphs/transaction/outlet/broker.ts'
import { describeOutlet, outletNames, type Message } from '../../../contracts/outlet.ts'
import { aKafkaBroker, kafkaBroker } from '../../../fixtures/a-kafka-broker.ts'
import { quietLog } from '../../../fixtures/a-programme.ts'

/** Reads as most consumers do: what is committed, until one more that the test adds at the end. */
async function messagesOf({ url }: { url: string }, { subject: topic }: { subject: string }) {
  const consumer = new Consumer({
    clientId: 'test',
    groupId: 'test',
    bootstrapBrokers: [url.replace('kafka://', '')],
  })
  const found: Message[] = []
  try {
    const end = (await consumer.listOffsets({ topics: [topic] })).get(topic)![0]!
    if (end === 0n) return found
    const offsets = [{ topic, partition: 0, offset: 0n }]
    const stream = await consumer.consume({ topics: [topic], mode: 'manual', offsets, autocommit: false })
    for await (const { headers, value, offset } of stream) {
      const position = [...headers].find(([name]) => name.toString() === 'position')![1]
      found.push({ id: position.toString(), body: value.toString() })
      // The last record is the commit.
      if (offset === end - 2n) break
    }
  } finally {
    await consumer.close(true)
  }
  return found
}

await describeOutlet('Kafka', { isHere: kafkaBroker !== null, startServer: () => aKafkaBroker(), messagesOf })

describe.skipIf(kafkaBroker === null)('the outlet of the log to a Kafka with users', () => {
  test('logs in by the mechanism that its URL names', async () => {
    const { url } = await aKafkaBroker('hub:secret')
    const withUser = `${url.replace('//', '//hub:secret@')}?mechanism=SCRAM-SHA-256`
    const broker = createMessageBroker({ ...outletNames, url: withUser }, { logger: quietLog })
    onTestFinished(() => broker.close())
    expect(await broker.begin()).toBe(0n)
    await broker.publish([{ position: 1n, key: 'p', body: '{}' }])
    expect(await broker.begin()).toBe(1n)
  })
})
