// An endpoint: an address of a participant that events are sent to. The rules that make and change one. Pure.

import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import { stepKinds } from '../payment/lifecycle.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { liveSecrets, type SigningSecret } from './signature.ts'
import type { StepKind } from '../../log/entry.ts'
import { readTarget } from '../../shared/callback-url.ts'
import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'

export type EndpointStatus = 'ACTIVE' | 'DISABLED'

export interface EndpointSecret extends SigningSecret {
  /** The operation and the idempotency key that it was made by. */
  readonly by: ParticipantId
}

/** A document of the collection `webhooks`. */
export interface WebhookEndpoint {
  /** UUID version 7. */
  readonly _id: WebhookId
  /** Id of the participant whose it is. */
  readonly owner: ParticipantId
  readonly url: string
  /** Names of StepKind, or just "*". */
  readonly events: readonly string[]
  readonly status: EndpointStatus
  readonly createdAt: Date
  /** Position of the log when it was made: it gets what comes after. */
  readonly since: bigint
  /** Oldest first; the last one has no end. */
  readonly secrets: readonly EndpointSecret[]
}

export interface CreateWebhookInput {
  readonly idempotencyKey: string
  readonly url: string
  readonly events: readonly string[]
}

export interface UpdateWebhookInput {
  readonly webhook: string
  readonly url?: string | null
  readonly events?: readonly string[] | null
  readonly status?: EndpointStatus | null
}

export interface RotateWebhookSecretInput {
  readonly idempotencyKey: string
  readonly webhook: string
  readonly overlapHours?: number | null
}

/** Endpoints of one participant at most. */
export const endpointsMax = 20
/** Secrets that sign at the same time at most: each is a signature in every request. */
const liveSecretsMax = 4
const overlapHoursMax = 168

/** Refuses with BAD_VALUE or ADDRESS_NOT_ALLOWED. */
export function readNewEndpoint(
  { url, events }: CreateWebhookInput,
  reach: Reach,
): Pick<WebhookEndpoint, 'url' | 'events'> | Refusal {
  const target = readTarget(url, reach, ['input', 'url'])
  if (isRefusal(target)) return target
  const names = readEvents(events)
  return isRefusal(names) ? names : { url: target, events: names }
}

/** What changes; an empty object when nothing does. Refuses with BAD_VALUE or ADDRESS_NOT_ALLOWED. */
export function readChanges(
  { url, events, status }: UpdateWebhookInput,
  reach: Reach,
): Partial<Pick<WebhookEndpoint, 'url' | 'events' | 'status'>> | Refusal {
  const target = typeof url === 'string' ? readTarget(url, reach, ['input', 'url']) : undefined
  if (isRefusal(target)) return target
  const names = events ? readEvents(events) : undefined
  if (isRefusal(names)) return names
  return {
    ...(target !== undefined && { url: target }),
    ...(names && { events: names }),
    ...(status && { status }),
  }
}

/** For how long the secrets of before go on signing. Refuses with BAD_VALUE. */
export function readOverlapMs({ overlapHours }: RotateWebhookSecretInput): number | Refusal {
  const hours = overlapHours ?? 24
  if (Number.isInteger(hours) && hours >= 0 && hours <= overlapHoursMax) return hours * 3_600_000
  return refuse('BAD_VALUE', `overlapHours is 0–${overlapHoursMax}, not ${hours}`, ['input', 'overlapHours'])
}

/** The secrets after a rotation: those of before end after the overlap at the latest. Refuses with TOO_MANY. */
export function rotate(
  secrets: readonly EndpointSecret[],
  fresh: { readonly secret: string; readonly by: ParticipantId },
  overlapMs: number,
  now: Date,
): readonly EndpointSecret[] | Refusal {
  const end = new Date(now.getTime() + overlapMs)
  const kept = liveSecrets(secrets, now)
    .map((one) => ({ ...one, notAfter: one.notAfter && one.notAfter < end ? one.notAfter : end }))
    .filter(({ notAfter }) => notAfter > now)
  if (kept.length < liveSecretsMax) return [...kept, { ...fresh, notAfter: null }]
  return refuse(
    'TOO_MANY',
    `${kept.length} secrets still sign: wait for the first to end, or end them all with overlapHours: 0`,
    ['input', 'overlapHours'],
  )
}

/** True when an event of this kind, at this position of the log, is for the endpoint (if its owner may see it). */
export const wants = (endpoint: WebhookEndpoint, kind: StepKind, position: bigint): boolean =>
  endpoint.status === 'ACTIVE' &&
  position > endpoint.since &&
  (endpoint.events.includes('*') || endpoint.events.includes(kind))

function readEvents(events: readonly string[]): readonly string[] | Refusal {
  const path = ['input', 'events']
  if (events.length === 0 || events.length > eventsMax) {
    return refuse('BAD_VALUE', `events names 1–${eventsMax} kinds of event, or "*" for all`, path)
  }
  const unknown = events.findIndex((name) => name !== '*' && !Object.hasOwn(stepKinds, name))
  if (unknown >= 0) {
    return refuse('BAD_VALUE', `"${events[unknown]!.slice(0, 40)}" is neither a StepKind nor "*"`, [
      ...path,
      String(unknown),
    ])
  }
  return events.includes('*') ? ['*'] : [...new Set(events)]
}

const eventsMax = 32
