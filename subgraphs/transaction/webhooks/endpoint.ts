// An endpoint: a URL of a participant to which events are sent. The rules that create and change one. Pure.

import type { ParticipantId, WebhookId } from '../../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../../schema/values/problems.ts'
import type { StepKind } from '../../log/entry.ts'
import { alertEventKinds } from '../../shared/alert-log.ts'
import { readCallbackUrl } from '../../shared/callback-url.ts'
import type { Reach } from '../../shared/reachable-address.ts'
import { expireSecrets, type SigningSecret } from '../../shared/signing-secret.ts'
import { quoteInput } from '../../../schema/values/unknown.ts'
import { stepKinds } from '../payment/lifecycle.ts'

export type EndpointStatus = 'ACTIVE' | 'DISABLED'

export interface EndpointSecret extends SigningSecret {
  /** "operation/key" of the call that issued the secret. */
  readonly by: string
}

/** A document of the collection `webhooks`. */
export interface WebhookEndpoint {
  /** UUID version 7. */
  readonly _id: WebhookId
  readonly owner: ParticipantId
  readonly url: string
  /** Names of StepKind or AlertEventKind; "*" stands for every StepKind. */
  readonly events: readonly string[]
  readonly status: EndpointStatus
  readonly createdAt: Date
  /** The log’s position at creation: the endpoint receives later events. */
  readonly since: bigint
  /** Oldest first; the last one has no expiry. */
  readonly secrets: readonly EndpointSecret[]
}

export interface CreateWebhookInput {
  readonly idempotencyKey: string
  readonly url: string
  readonly events: readonly string[]
}

export interface UpdateWebhookInput {
  readonly webhook: WebhookId
  readonly url?: string | null
  readonly events?: readonly string[] | null
  readonly status?: EndpointStatus | null
}

export interface RotateWebhookSecretInput {
  readonly idempotencyKey: string
  readonly webhook: WebhookId
  readonly overlapHours?: number | null
}

/** The most endpoints that one participant may have. */
export const endpointsMax = 20
/** The most secrets that sign at the same time: each one adds a signature to every request. */
const secretsMax = 4
const overlapHoursMax = 168

/** Refuses with BAD_VALUE or ADDRESS_NOT_ALLOWED. */
export function readNewEndpoint(
  { url, events }: CreateWebhookInput,
  reach: Reach,
): Pick<WebhookEndpoint, 'url' | 'events'> | Refusal {
  const target = readCallbackUrl(url, reach, ['input', 'url'])
  if (isRefusal(target)) return target
  const names = readEvents(events)
  return isRefusal(names) ? names : { url: target, events: names }
}

/**
 * The changed fields of an endpoint; empty when there are none. Refuses with BAD_VALUE or
 * ADDRESS_NOT_ALLOWED.
 */
export function readChanges(
  { url, events, status }: UpdateWebhookInput,
  reach: Reach,
): Partial<Pick<WebhookEndpoint, 'url' | 'events' | 'status'>> | Refusal {
  const target = typeof url === 'string' ? readCallbackUrl(url, reach, ['input', 'url']) : undefined
  if (isRefusal(target)) return target
  const names = events ? readEvents(events) : undefined
  if (isRefusal(names)) return names
  return {
    ...(target !== undefined && { url: target }),
    ...(names && { events: names }),
    ...(status && { status }),
  }
}

/** How long previous secrets keep signing after a rotation, in milliseconds. Refuses with BAD_VALUE. */
export function readOverlapMs({ overlapHours }: RotateWebhookSecretInput): number | Refusal {
  const hours = overlapHours ?? 24
  if (Number.isInteger(hours) && hours >= 0 && hours <= overlapHoursMax) return hours * 3_600_000
  return refuse('BAD_VALUE', `overlapHours is 0–${overlapHoursMax}, not ${hours}`, ['input', 'overlapHours'])
}

/**
 * The secrets after a rotation: previous ones expire after the overlap at the latest. Refuses with TOO_MANY.
 */
export function rotate(
  secrets: readonly EndpointSecret[],
  issued: Omit<EndpointSecret, 'notAfter'>,
  overlapMs: number,
  now: Date,
): readonly EndpointSecret[] | Refusal {
  const previous = expireSecrets(secrets, overlapMs, now)
  if (previous.length < secretsMax) return [...previous, { ...issued, notAfter: null }]
  return refuse(
    'TOO_MANY',
    `${previous.length} secrets still sign: wait until one expires, or expire all of them with overlapHours: 0`,
    ['input', 'overlapHours'],
  )
}

/**
 * True when an event of this kind at this position is for the endpoint, provided that its owner may see the
 * event.
 */
export const wants = (endpoint: WebhookEndpoint, kind: StepKind, position: bigint): boolean =>
  endpoint.status === 'ACTIVE' &&
  position > endpoint.since &&
  (endpoint.events.includes('*') || endpoint.events.includes(kind))

function readEvents(events: readonly string[]): readonly string[] | Refusal {
  const path = ['input', 'events']
  if (events.length === 0 || events.length > eventsMax) {
    return refuse('BAD_VALUE', `events names 1–${eventsMax} kinds of event, or "*" for all`, path)
  }
  const known = { '*': true, ...stepKinds, ...alertEventKinds }
  const unknown = events.findIndex((name) => !Object.hasOwn(known, name))
  if (unknown >= 0) {
    const details = `${quoteInput(events[unknown]!)} is neither a StepKind, an AlertEventKind nor "*"`
    return refuse('BAD_VALUE', details, [...path, String(unknown)])
  }
  const isAll = events.includes('*')
  return [...new Set(isAll ? events.filter((name) => !Object.hasOwn(stepKinds, name)) : events)]
}

const eventsMax = 32
