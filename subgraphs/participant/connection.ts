// How the hub reaches a participant: which connections there are, and who may have which. No MongoDB, no GraphQL.

import { randomBytes } from 'node:crypto'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { readName } from '../shared/read-names.ts'
import type { Reach } from '../shared/reachable-address.ts'
import type { Endpoint, Participant } from '../shared/registry.ts'
import { readCallbackUrl } from '../shared/callback-url.ts'
import { checkNotGone, takesPayments } from './participant.ts'

type ConnectionKind = NonNullable<Participant['connection']>
const kinds: Readonly<Record<ConnectionKind, true>> = { STREAM: true, WEBHOOK: true, SIMULATOR: true }

/** For so long a secret that was replaced still signs. */
const overlapMs = 24 * 3_600_000
const secretsMax = 5

/** What the operator's configuration allows. */
export interface ConnectionRules {
  /** Nobody who is LIVE is answered for by the simulator. */
  readonly isProduction: boolean
  /** Which addresses may be called. */
  readonly reach: Reach
}

export interface ConnectionInput {
  readonly connection: string
  readonly url?: string | null
  readonly rotateSecret?: boolean | null
}

/** A connection as it was asked for. */
export type Connection =
  | { readonly kind: 'STREAM' | 'SIMULATOR' }
  | { readonly kind: 'WEBHOOK'; readonly url: string; readonly rotates: boolean }

/** Refuses with BAD_VALUE, or with ADDRESS_NOT_ALLOWED. */
export function readConnection(input: ConnectionInput, { reach }: ConnectionRules): Connection | Refusal {
  const kind = readName(input.connection, kinds, ['input', 'connection'])
  if (isRefusal(kind)) return kind
  const rotates = input.rotateSecret ?? false
  if (kind !== 'WEBHOOK') {
    if (typeof input.url === 'string') return refuse('BAD_VALUE', `${kind} takes no address`, urlPath)
    return rotates ? refuse('BAD_VALUE', `${kind} has no secret`, rotatePath) : { kind }
  }
  if (typeof input.url !== 'string') return refuse('BAD_VALUE', 'WEBHOOK takes an address', urlPath)
  const url = readCallbackUrl(input.url, reach, urlPath)
  return isRefusal(url) ? url : { kind, url, rotates }
}

/** A new signing secret. Source: Standard Webhooks 1.0, "Secret". */
export const newSigningSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** `participant` with another connection; `secret` is used when it takes a new one. */
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
    return refuse('BAD_VALUE', `${participant.id} is no wallet and no acquirer: it has nothing to answer`, [
      'input',
      'participant',
    ])
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
  present: Endpoint | null | undefined,
  { url, rotates }: Extract<Connection, { kind: 'WEBHOOK' }>,
  secret: string,
  now: Date,
): Endpoint | Refusal {
  const newest = { secret, notAfter: null }
  if (!present) {
    return rotates ? refuse('BAD_VALUE', 'there is no secret yet', rotatePath) : { url, secrets: [newest] }
  }
  const valid = present.secrets.filter(({ notAfter }) => notAfter === null || now < notAfter)
  if (!rotates) return { url, secrets: valid }
  if (valid.length >= secretsMax) {
    return refuse('BAD_VALUE', `${valid.length} secrets are in use: rotate when one has ended`, rotatePath)
  }
  const ending = new Date(now.getTime() + overlapMs)
  return { url, secrets: [newest, ...valid.map((one) => ({ ...one, notAfter: one.notAfter ?? ending }))] }
}

/** `participant` as it may be kept and shown: its address without the secrets. */
export const withoutSecrets = (participant: Participant): Participant =>
  participant.endpoint ? { ...participant, endpoint: { ...participant.endpoint, secrets: [] } } : participant

const urlPath = ['input', 'url']
const rotatePath = ['input', 'rotateSecret']
