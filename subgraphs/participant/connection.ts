// Connections: how the hub sends requests to a participant, and which participants may use which. No MongoDB,
// no GraphQL.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { readCallbackUrl } from '../shared/callback-url.ts'
import type { Reach } from '../shared/reachable-address.ts'
import { readName } from '../shared/read-names.ts'
import type { Endpoint, Participant } from '../shared/registry.ts'
import { expireSecrets, validSecrets } from '../shared/signing-secret.ts'
import { checkNotGone, takesPayments } from './participant.ts'

type ConnectionKind = NonNullable<Participant['connection']>
const kinds: Readonly<Record<ConnectionKind, true>> = { STREAM: true, WEBHOOK: true, SIMULATOR: true }

/** A replaced secret signs for this long after its replacement. */
const overlapMs = 24 * 3_600_000
const secretsMax = 5

/** Rules from the configuration of the hub. */
export interface ConnectionRules {
  /** True: no LIVE participant may be connected to the simulator. */
  readonly isProduction: boolean
  /** Addresses that the hub may call. */
  readonly reach: Reach
}

export interface ConnectionInput {
  readonly connection: string
  readonly url?: string | null
  readonly rotateSecret?: boolean | null
}

/** A requested connection. */
export type Connection =
  | { readonly kind: 'STREAM' | 'SIMULATOR' }
  | { readonly kind: 'WEBHOOK'; readonly url: string; readonly rotates: boolean }

/** Refuses with BAD_VALUE, or with ADDRESS_NOT_ALLOWED. */
export function readConnection(input: ConnectionInput, { reach }: ConnectionRules): Connection | Refusal {
  const kind = readName(input.connection, kinds, ['input', 'connection'])
  if (isRefusal(kind)) return kind
  const rotates = input.rotateSecret ?? false
  if (kind !== 'WEBHOOK') {
    if (typeof input.url === 'string')
      return refuse('BAD_VALUE', `${kind} has no address: omit \`url\``, urlPath)
    return rotates
      ? refuse('BAD_VALUE', `${kind} has no secret: omit \`rotateSecret\``, rotatePath)
      : { kind }
  }
  if (typeof input.url !== 'string') return refuse('BAD_VALUE', 'WEBHOOK needs an address in `url`', urlPath)
  const url = readCallbackUrl(input.url, reach, urlPath)
  return isRefusal(url) ? url : { kind, url, rotates }
}

/** `participant` with another connection. `secret` is used if the connection needs a new one. */
export function connect(
  participant: Participant,
  connection: Connection,
  secret: string,
  now: Date,
  { isProduction }: ConnectionRules,
): Participant | Refusal {
  const gone = checkNotGone(participant)
  if (gone) return gone
  if (!takesPayments(participant)) {
    return refuse(
      'BAD_VALUE',
      `${participant.id} is neither a wallet nor an acquirer, so it answers no requests`,
      ['input', 'participant'],
    )
  }
  if (connection.kind === 'SIMULATOR' && participant.status === 'LIVE' && isProduction) {
    return refuse('SIMULATOR_NOT_ALLOWED', `${participant.id} is LIVE`, ['input', 'connection'])
  }
  const endpoint =
    connection.kind === 'WEBHOOK' ? endpointOf(participant.endpoint, connection, secret, now) : null
  if (isRefusal(endpoint)) return endpoint
  return { ...participant, connection: connection.kind, endpoint, version: participant.version + 1 }
}

function endpointOf(
  current: Endpoint | null | undefined,
  { url, rotates }: Extract<Connection, { kind: 'WEBHOOK' }>,
  secret: string,
  now: Date,
): Endpoint | Refusal {
  const newest = { secret, notAfter: null }
  if (!current) {
    return rotates
      ? refuse('BAD_VALUE', 'there is no secret to rotate yet', rotatePath)
      : { url, secrets: [newest] }
  }
  const valid = validSecrets(current.secrets, now)
  if (!rotates) return { url, secrets: valid }
  if (valid.length >= secretsMax) {
    return refuse(
      'BAD_VALUE',
      `${valid.length} secrets are valid: rotate again after one has expired`,
      rotatePath,
    )
  }
  return { url, secrets: [newest, ...expireSecrets(valid, overlapMs, now)] }
}

/** `participant` with the address of its endpoint but without its secrets. */
export const withoutSecrets = (participant: Participant): Participant =>
  participant.endpoint ? { ...participant, endpoint: { ...participant.endpoint, secrets: [] } } : participant

const urlPath = ['input', 'url']
const rotatePath = ['input', 'rotateSecret']
