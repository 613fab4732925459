// A process that writes the log, for tests that kill it and put it to sleep: node sequencer-process.ts MONGODB_URI DATABASE
// Says "took" when it begins to hold the lease, and "lost" when it finds that it no longer does. It does not outlive its test: the
// end of its standard input ends it.

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
