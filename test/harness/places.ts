// Where the tests keep what they start. The mongod that is fetched once is the one that `npm start` uses too.

import { fileURLToPath } from 'node:url'

const dataDir = fileURLToPath(new URL('../../.data/', import.meta.url))

export const binaryDir = `${dataDir}mongod`
export const runsDir = `${dataDir}test`
