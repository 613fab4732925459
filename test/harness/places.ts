// Folders of the tests. They share the downloaded mongod with `npm start`.

import { fileURLToPath } from 'node:url'

const dataDir = fileURLToPath(new URL('../../.data/', import.meta.url))

export const binaryDir = `${dataDir}mongod`
export const runsDir = `${dataDir}test`
