// Makes and ends API keys: node gateway/cli/keys.ts issue PARTICIPANT LABEL SCOPE,SCOPE | revoke KEY
// It writes to the database at MONGODB_URI; hubs that run over it know at once.

import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { connect } from '../../subgraphs/platform/mongo/client.ts'
import { ConfigError, readConfig } from '../config/config.ts'
import { hashKey } from '../identity/key.ts'
import { keyStore, type KeyStore } from '../identity/key-store.ts'

const usage = `usage:
  node gateway/cli/keys.ts issue PARTICIPANT LABEL SCOPE,SCOPE   prints a new key, for the only time
  node gateway/cli/keys.ts revoke KEY                            ends a key
scopes: ${Object.keys(scopes).join(' ')}`

/** What to print; an Error for what cannot be done. */
async function run(store: KeyStore, [command, ...rest]: readonly string[]): Promise<string> {
  if (command === 'issue' && rest.length === 3) {
    const [participant, label, list] = rest as [string, string, string]
    const granted = list.split(',')
    const unknown = granted.find((scope) => !(scope in scopes))
    if (unknown !== undefined) throw new Error(`there is no scope "${unknown}"\n${usage}`)
    return store.issue({ participant, label, scopes: granted as Scope[] }, new Date())
  }
  if (command === 'revoke' && rest.length === 1) {
    if (await store.revoke(hashKey(rest[0]!), new Date())) return 'revoked'
    throw new Error('there is no such key that still stands')
  }
  throw new Error(usage)
}

try {
  const { MONGODB_URI, MONGODB_DATABASE } = readConfig()
  if (MONGODB_URI === undefined) throw new ConfigError(['MONGODB_URI: must say where the database is'])
  const mongo = await connect(MONGODB_URI)
  try {
    console.log(await run(keyStore(mongo.db(MONGODB_DATABASE)), process.argv.slice(2)))
  } finally {
    await mongo.close()
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
