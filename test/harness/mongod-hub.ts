// A hub reduced to its MongoDB, for tests that end it in every way: node mongod-hub.ts DATA_DIR BINARY_DIR
// Prints the URI when MongoDB is ready. SIGINT and SIGTERM stop both. SIGUSR2 ends the process and leaves
// mongod running, and so does the end of standard input: the process does not outlive its test.

import { startMongo } from '../../gateway/mongod/start.ts'

const [dataDir, binaryDir] = process.argv.slice(2)
const binary = process.env.MONGOD_BINARY
const mongo = await startMongo({ dataDir: dataDir!, binaryDir, binary, logger: { info: () => {} } })
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void mongo.close().then(() => process.exit()))
}
process.once('SIGUSR2', () => process.exit())
process.stdin.once('end', () => process.exit()).resume()
console.log(mongo.uri)
