// Tests whether a participant can receive requests now.

import type { ParticipantId } from '../../../schema/values/id.ts'
import { refuse, type Refusal } from '../../../schema/values/problems.ts'
import { requireScope } from '../../shared/access.ts'
import type { Participant, Registry } from '../../shared/registry.ts'
import { typeOr } from '../../shared/result-union.ts'
import { validSecrets } from '../../shared/signing-secret.ts'
import type { RequestContext } from '../../shared/viewer.ts'
import type { EventStreams } from '../live/event-streams.ts'
import { newId } from '../payment/new-id.ts'
import type { HttpSender } from '../webhooks/http-sender.ts'

export interface ConnectionTest {
  readonly participant: { readonly id: ParticipantId }
  readonly works: boolean
  readonly status: number | null
  readonly latencyMs: number | null
  readonly message: string
}

export interface ConnectionTestDependencies {
  readonly registry: Registry
  readonly eventStreams: Pick<EventStreams, 'isListening'>
  readonly httpSender: Pick<HttpSender, 'send'>
  readonly now: () => Date
}

export const connectionTestResolvers = (dependencies: ConnectionTestDependencies) => ({
  Mutation: {
    testConnection: (
      _: unknown,
      { input }: { readonly input: { readonly participant: ParticipantId } },
      context: RequestContext,
    ) => requireScope(context, 'operator') ?? testConnection(dependencies, input.participant),
  },
  TestConnectionResult: { __resolveType: typeOr('ConnectionTest') },
})

async function testConnection(
  dependencies: ConnectionTestDependencies,
  id: ParticipantId,
): Promise<ConnectionTest | Refusal> {
  const participant = dependencies.registry.participants.get(id)
  if (!participant) return refuse('PARTICIPANT_UNKNOWN', undefined, ['input', 'participant'])
  switch (participant.connection) {
    case 'WEBHOOK':
      return testEndpoint(dependencies, participant)
    case 'STREAM':
      return dependencies.eventStreams.isListening(id)
        ? unsent(id, true, 'the participant subscribes to authorizationRequests at this process')
        : unsent(id, false, 'the participant does not subscribe to authorizationRequests at this process')
    case 'SIMULATOR':
      return unsent(id, true, 'the hub answers in place of the participant')
    case null:
      return unsent(id, false, 'the participant has no connection')
  }
}

const unsent = (id: ParticipantId, works: boolean, message: string): ConnectionTest => ({
  participant: { id },
  works,
  status: null,
  latencyMs: null,
  message,
})

async function testEndpoint(
  { httpSender, now }: ConnectionTestDependencies,
  { id, endpoint }: Participant,
): Promise<ConnectionTest> {
  const at = now()
  const secrets = validSecrets(endpoint?.secrets ?? [], at)
  if (!endpoint || secrets.length === 0) return unsent(id, false, 'the participant has no signing secret')
  const timestamp = at.toISOString()
  const body = JSON.stringify({ type: 'connection.test', timestamp, data: { participant: id } })
  const outcome = await httpSender.send({ id: newId(at), url: endpoint.url, body, secrets, at })
  const { latencyMs } = outcome
  if (outcome.kind === 'FAILED') {
    return { participant: { id }, works: false, status: null, latencyMs, message: outcome.error }
  }
  const { status } = outcome
  const works = status >= 200 && status < 300
  return { participant: { id }, works, status, latencyMs, message: `answered ${status}` }
}
