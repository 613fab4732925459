// Operations of the operator: each reads its input, decides by a rule, and writes once per idempotency key.

import type { CorridorId, ParticipantId } from '../../schema/values/id.ts'
import { isRefusal, type Refusal } from '../../schema/values/problems.ts'
import { requireScope } from '../shared/access.ts'
import type { AuditedAction } from '../shared/audit-log.ts'
import type { Corridor, MirroredRegistry, Participant } from '../shared/registry.ts'
import { newSigningSecret } from '../shared/signing-secret.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { connect, readConnection, type ConnectionInput, type ConnectionRules } from './connection.ts'
import { changeTerms, openCorridor, readTerms, type CorridorTermsInput } from './corridor.ts'
import type { ChangeRequest, ParticipantConnected, ParticipantStore } from './participant-store.ts'
import {
  apply,
  certify,
  changeStatus,
  readApplication,
  readCertification,
  readStatusChange,
  type ApplicationInput,
  type CertificationInput,
  type StatusChangeInput,
} from './participant.ts'

export interface OperatorDependencies {
  readonly registry: MirroredRegistry
  readonly store: ParticipantStore
  readonly rules: ConnectionRules
}

interface Keyed {
  readonly idempotencyKey?: string | null
}

interface OfParticipant extends Keyed {
  readonly participant: ParticipantId
}

interface OfCorridor extends Keyed {
  readonly id: CorridorId
}

export type OperatorService = ReturnType<typeof createOperatorService>

/** Every operation refuses with FORBIDDEN without the scope `operator`. */
export const createOperatorService = (dependencies: OperatorDependencies) => ({
  applyParticipant: (input: ApplicationInput & Keyed, context: RequestContext) =>
    asOperator(dependencies, 'applyParticipant', input, context, applyParticipant),
  recordCertification: (input: CertificationInput & OfParticipant, context: RequestContext) =>
    asOperator(dependencies, 'recordCertification', input, context, recordCertification),
  changeParticipantStatus: (input: StatusChangeInput & OfParticipant, context: RequestContext) =>
    asOperator(dependencies, 'changeParticipantStatus', input, context, changeParticipantStatus),
  connectParticipant: (input: ConnectionInput & OfParticipant, context: RequestContext) =>
    asOperator(dependencies, 'connectParticipant', input, context, connectParticipant),
  setCorridor: (input: CorridorTermsInput & OfCorridor, context: RequestContext) =>
    asOperator(dependencies, 'setCorridor', input, context, setCorridor),
})

/** Runs a write for the operator. Resolves once the registry of this process includes what was written. */
async function asOperator<Input extends Keyed, Result>(
  dependencies: OperatorDependencies,
  action: AuditedAction,
  input: Input,
  context: RequestContext,
  write: (
    dependencies: OperatorDependencies,
    input: Input,
    request: ChangeRequest,
  ) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  const refusal = requireScope(context, 'operator')
  if (refusal) return refusal
  const { viewer, requestId } = context
  const written = await write(dependencies, input, { by: viewer.participant, requestId, action, input })
  if (!isRefusal(written)) await dependencies.registry.refresh()
  return written
}

async function applyParticipant(
  { store }: OperatorDependencies,
  input: ApplicationInput,
  request: ChangeRequest,
): Promise<Participant | Refusal> {
  const application = readApplication(input)
  if (isRefusal(application)) return application
  return store.add((at) => apply(application, request.by, at), request)
}

async function recordCertification(
  { store }: OperatorDependencies,
  input: CertificationInput & OfParticipant,
  request: ChangeRequest,
): Promise<Participant | Refusal> {
  const certification = readCertification(input)
  if (isRefusal(certification)) return certification
  const rule = (participant: Participant, at: Date) => certify(participant, certification, at)
  return store.changeParticipant(input.participant, rule, request)
}

async function changeParticipantStatus(
  { store, rules }: OperatorDependencies,
  input: StatusChangeInput & OfParticipant,
  request: ChangeRequest,
): Promise<Participant | Refusal> {
  const change = readStatusChange(input)
  if (isRefusal(change)) return change
  const rule = (participant: Participant, at: Date) =>
    changeStatus(participant, change, { ...rules, by: request.by, now: at })
  return store.changeParticipant(input.participant, rule, request)
}

async function connectParticipant(
  { store, rules }: OperatorDependencies,
  input: ConnectionInput & OfParticipant,
  request: ChangeRequest,
): Promise<ParticipantConnected | Refusal> {
  const connection = readConnection(input, rules)
  if (isRefusal(connection)) return connection
  const secret = newSigningSecret()
  const rule = (participant: Participant, at: Date) => connect(participant, connection, secret, at, rules)
  return store.connect(input.participant, rule, secret, request)
}

async function setCorridor(
  { store, registry }: OperatorDependencies,
  input: CorridorTermsInput & OfCorridor,
  request: ChangeRequest,
): Promise<Corridor | Refusal> {
  const terms = readTerms(input)
  if (isRefusal(terms)) return terms
  const rule = (corridor: Corridor | null) =>
    corridor
      ? changeTerms(corridor, terms, registry.projects)
      : openCorridor(input.id, terms, registry.projects)
  return store.changeCorridor(input.id, rule, request)
}
