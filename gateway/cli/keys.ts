// Issues and revokes API keys: node gateway/cli/keys.ts issue PARTICIPANT LABEL SCOPE,SCOPE | revoke KEY It
// writes to the database at MONGODB_URI, or that of the running demo. Running hubs over that database apply
// the change at once.

import type { Db } from 'mongodb'
import type { ParticipantId } from '../../schema/values/id.ts'
import { scopes, type Scope } from '../../schema/values/scopes.ts'
import { hashKey } from '../identity/key.ts'
import { createKeyStore } from '../identity/key-store.ts'
import { runCommand } from './run.ts'

const usage = `usage:
  node gateway/cli/keys.ts issue PARTICIPANT LABEL SCOPE,SCOPE   prints a new key, which cannot be printed again
  node gateway/cli/keys.ts revoke KEY                            revokes a key
scopes: ${Object.keys(scopes).join(' ')}`

type Order =
  | {
      readonly kind: 'issue'
      readonly participant: ParticipantId
      readonly label: string
      readonly scopes: readonly Scope[]
    }
  | { readonly kind: 'revoke'; readonly key: string }

function readOrder([kind, ...rest]: readonly string[]): Order {
  if (kind === 'issue' && rest.length === 3) {
    const [participant, label, list] = rest as [ParticipantId, string, string]
    const granted = list.split(',')
    const unknown = granted.find((scope) => !(scope in scopes))
    if (unknown !== undefined) throw new Error(`there is no scope "${unknown}"\n${usage}`)
    return { kind, participant, label, scopes: granted as Scope[] }
  }
  if (kind === 'revoke' && rest.length === 1) return { kind, key: rest[0]! }
  throw new Error(usage)
}

async function run(order: Order, db: Db): Promise<string> {
  const store = createKeyStore(db)
  if (order.kind === 'issue') {
    await checkParticipant(order.participant, db)
    return store.issue(order, new Date())
  }
  if (await store.revoke(hashKey(order.key), new Date())) return 'revoked'
  throw new Error('there is no such key, or it was revoked before')
}

async function checkParticipant(id: ParticipantId, db: Db): Promise<void> {
  const found = await db.collection<{ _id: ParticipantId }>('participants').findOne({ _id: id })
  if (!found) throw new Error(`there is no participant "${id}": add it by applyParticipant first`)
}

await runCommand({ usage, read: readOrder, run })
