// Operations of the operator: each reads its input, decides by a rule, and writes once per idempotency key.

import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { requireScope } from '../shared/access.ts'
import { authorOf } from '../shared/audit-log.ts'
import type { Corridor, MirroredRegistry, Participant, Project } from '../shared/registry.ts'
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
import { addProject, changeProject, readProject, type ProjectInput } from './project.ts'

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

/** A change before its input is read. */
type Caller = Omit<ChangeRequest, 'command'>

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
  setProject: (input: ProjectInput & Keyed, context: RequestContext) =>
    asOperator(dependencies, 'setProject', input, context, setProject),
})

/** Runs a write for the operator. Resolves once the registry of this process includes what was written. */
async function asOperator<Input extends Keyed, Result>(
  dependencies: OperatorDependencies,
  action: ChangeRequest['action'],
  input: Input,
  context: RequestContext,
  write: (dependencies: OperatorDependencies, input: Input, caller: Caller) => Promise<Result | Refusal>,
): Promise<Result | Refusal> {
  const refusal = requireScope(context, 'operator')
  if (refusal) return refusal
  const { idempotencyKey } = input
  const written = await write(dependencies, input, { by: authorOf(context), action, idempotencyKey })
  if (!isRefusal(written)) await dependencies.registry.refresh()
  return written
}

async function applyParticipant(
  { store, registry }: OperatorDependencies,
  input: ApplicationInput,
  caller: Caller,
): Promise<Participant | Refusal> {
  const application = readApplication(input, registry.participants)
  if (isRefusal(application)) return application
  if (registry.projects.has(application.id as string as ProjectId))
    return takenId('a project', application.id)
  return store.add((at) => apply(application, caller.by.actor, at), { ...caller, command: application })
}

/** The refusal of an id of which `node(id:)` could not give the type. */
const takenId = (kind: string, id: string): Refusal =>
  refuse('ALREADY_EXISTS', `${kind} has the id “${id}”`, ['input', 'id'])

async function recordCertification(
  { store }: OperatorDependencies,
  input: CertificationInput & OfParticipant,
  caller: Caller,
): Promise<Participant | Refusal> {
  const certification = readCertification(input)
  if (isRefusal(certification)) return certification
  const { participant: id } = input
  const rule = (participant: Participant, at: Date) => certify(participant, certification, at)
  return store.changeParticipant(id, rule, { ...caller, command: { id, ...certification } })
}

async function changeParticipantStatus(
  { store, rules }: OperatorDependencies,
  input: StatusChangeInput & OfParticipant,
  caller: Caller,
): Promise<Participant | Refusal> {
  const change = readStatusChange(input)
  if (isRefusal(change)) return change
  const { participant: id } = input
  const rule = (participant: Participant, at: Date) =>
    changeStatus(participant, change, { ...rules, by: caller.by.actor, now: at })
  return store.changeParticipant(id, rule, { ...caller, command: { id, ...change } })
}

async function connectParticipant(
  { store, rules }: OperatorDependencies,
  input: ConnectionInput & OfParticipant,
  caller: Caller,
): Promise<ParticipantConnected | Refusal> {
  const connection = readConnection(input, rules)
  if (isRefusal(connection)) return connection
  const { participant: id } = input
  const secret = newSigningSecret()
  const rule = (participant: Participant, at: Date) => connect(participant, connection, secret, at, rules)
  return store.connect(id, rule, secret, { ...caller, command: { id, ...connection } })
}

async function setCorridor(
  { store, registry }: OperatorDependencies,
  input: CorridorTermsInput & OfCorridor,
  caller: Caller,
): Promise<Corridor | Refusal> {
  const terms = readTerms(input)
  if (isRefusal(terms)) return terms
  const { id } = input
  const rule = (corridor: Corridor | null) =>
    corridor ? changeTerms(corridor, terms, registry.projects) : openCorridor(id, terms, registry.projects)
  return store.changeCorridor(id, rule, { ...caller, command: { id, ...terms } })
}

async function setProject(
  { store, registry }: OperatorDependencies,
  input: ProjectInput,
  caller: Caller,
): Promise<Project | Refusal> {
  const change = readProject(input)
  if (isRefusal(change)) return change
  if (registry.participants.has(change.id as string as ParticipantId))
    return takenId('a participant', change.id)
  const rule = (project: Project | null) => (project ? changeProject(project, change) : addProject(change))
  return store.changeProject(change.id, rule, { ...caller, command: change })
}
