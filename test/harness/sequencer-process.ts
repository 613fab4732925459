// A process with a sequencer, for tests that kill or suspend it: node sequencer-process.ts MONGODB_URI
// DATABASE Prints "took" when it acquires the lease, and "lost" when it detects that the lease is gone. The
// end of its standard input ends it, so it does not outlive its test.

import { startLogReader } from '../../subgraphs/log/reader.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { startSequencer } from '../../subgraphs/transaction/log/sequencer.ts'

const [uri, database] = process.argv.slice(2)
const mongo = await connect(uri!)
const db = mongo.db(database!)
const logger = { info: () => {}, error: () => {} }
const logReader = await startLogReader({ db, logger })
const sequencer = startSequencer({ db, logger, logReader })
let holding = false
setInterval(() => {
  if (sequencer.isHolding() === holding) return
  holding = !holding
  console.log(holding ? 'took' : 'lost')
}, 10)
process.stdin.once('end', () => process.exit()).resume()
