// A process that writes payments at full speed: node writer.ts MONGODB_URI DATABASE COUNT. Starts at the
// first line of input.

import { once } from 'node:events'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { writePayments } from './payments.ts'

const [uri, database, count] = process.argv.slice(2)
const mongo = await connect(uri!)
console.log('ready')
await once(process.stdin, 'data')
await writePayments(mongo.db(database!), Number(count))
await mongo.close()
process.stdin.destroy()
console.log('done')
