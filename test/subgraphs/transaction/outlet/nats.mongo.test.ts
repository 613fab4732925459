import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { describeOutlet, outletNames, type Message } from '../../../contracts/outlet.ts'
import { aNatsServer, natsServer } from '../../../fixtures/a-nats-server.ts'

await describeOutlet('NATS JetStream', {
  isHere: natsServer !== null,
  // The ids of messages expire at once, so only what the stream holds can prevent a repeat.
  async startServer() {
    const server = await aNatsServer()
    const connection = await connect({ servers: server.url.replace('nats://', '') })
    const manager = await jetstreamManager(connection)
    const { stream, subject } = outletNames
    await manager.streams.add({ name: stream, subjects: [subject], duplicate_window: 100_000_000 })
    await connection.close()
    return server
  },
  async messagesOf({ url }, { stream }) {
    const connection = await connect({ servers: url.replace('nats://', '') })
    const manager = await jetstreamManager(connection)
    const { messages } = (await manager.streams.info(stream)).state
    const consumer = await jetstream(connection).consumers.get(stream)
    const found: Message[] = []
    for await (const message of await consumer.fetch({ max_messages: messages })) {
      found.push({ id: message.headers!.get('Nats-Msg-Id'), body: message.string() })
      if (found.length === messages) break
    }
    await connection.close()
    return found
  },
})
