// A process that writes the log until it is killed: node holder.ts MONGODB_URI DATABASE. Prints a line when
// it holds the lease.

import { startLogReader } from '../../subgraphs/log/reader.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { startSequencer } from '../../subgraphs/transaction/log/sequencer.ts'

const [uri, database] = process.argv.slice(2)
const mongo = await connect(uri!)
const db = mongo.db(database!)
const logger = { info: (_: unknown, text: string) => console.log(text), error: () => {} }
const logReader = await startLogReader({ db, logger })
startSequencer({ db, logger: logger as never, logReader })
