// Encrypts all stored secrets under the first key of SECRETS_KEY: node gateway/cli/secrets.ts. It writes to
// the database at MONGODB_URI, while hubs run. The keys after the first are only read with, and can be
// removed from the settings afterwards.

import type { Db } from 'mongodb'
import { resealParticipants } from '../../subgraphs/participant/index.ts'
import type { SecretBox } from '../../subgraphs/shared/secret-box.ts'
import { resealEndpoints } from '../../subgraphs/transaction/index.ts'
import { ConfigError, readConfig, secretBox } from '../config/config.ts'
import { resealShared } from '../identity/secret.ts'
import { runCommand } from './run.ts'

const usage = `usage: SECRETS_KEY=new,old npm run secrets
Encrypts the secrets of webhooks, participants and the hub under the first key of SECRETS_KEY, while hubs run.`

function readBox(): SecretBox {
  const config = readConfig()
  if (config.SECRETS_KEY.length === 0)
    throw new ConfigError(['SECRETS_KEY: set it to the key to encrypt with'])
  return secretBox(config)
}

async function run(box: SecretBox, db: Db): Promise<string> {
  const counts = [
    await resealEndpoints(db, box),
    await resealParticipants(db, box),
    await resealShared(db, box),
  ]
  return `encrypted under the first key: the secrets of ${counts[0]} webhooks and ${counts[1]} participants, and ${counts[2]} of the hub`
}

await runCommand({ usage, read: readBox, run })
