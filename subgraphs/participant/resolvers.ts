// GraphQL ↔ domain. Reads come from the in-memory reference; only mutations reach MongoDB.

import { countryByCode } from '../../schema/values/country.ts'
import { isRefusal, orThrow, ProblemError, refuse, type Refusal } from '../../schema/values/problems.ts'
import { isOperator, requireScope } from '../shared/access.ts'
import type { AuditedAction } from '../shared/audit-log.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import { pagesOf, type PageArguments } from '../shared/page.ts'
import type { Capability, Corridor, MirroredRegistry, Participant, Project } from '../shared/registry.ts'
import { countryOf, values } from '../shared/values.ts'
import {
  connect,
  newSigningSecret,
  readConnection,
  type ConnectionInput,
  type ConnectionRules,
} from './connection.ts'
import {
  changeTerms,
  modelOf,
  openCorridor,
  readCorridorFilter,
  readTerms,
  type CorridorFilterInput,
  type CorridorTermsInput,
} from './corridor.ts'
import {
  apply,
  certify,
  changeStatus,
  readApplication,
  readCertification,
  readParticipantFilter,
  readStatusChange,
  stateOf,
  type ApplicationInput,
  type CertificationInput,
  type ParticipantFilterInput,
  type StatusChangeInput,
} from './participant.ts'
import { programmeFigures } from './project.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { ChangeRequest, ParticipantStore } from './participant-store.ts'
import type { ParticipantId } from '../../schema/values/id.ts'

const participantPages = pagesOf('participants', ['string'], 100)
const corridorPages = pagesOf('corridors', ['string'], 500)

export interface ParticipantDependencies {
  readonly registry: MirroredRegistry
  readonly store: ParticipantStore
  readonly rules: ConnectionRules
  readonly now: () => Date
}

export function createParticipantResolvers({
  registry,
  store,
  rules,
  now,
}: ParticipantDependencies): Resolvers {
  /** Operators only; the answer waits until this process sees what was written. */
  const asOperator = async <Row>(
    context: RequestContext,
    action: AuditedAction,
    input: ChangeRequest['input'],
    write: (request: ChangeRequest) => Promise<Row | Refusal>,
  ): Promise<Row | Refusal> => {
    const refusal = requireScope(context, 'operator')
    if (refusal) return refusal
    const { viewer, requestId } = context
    const written = await write({ by: viewer.participant, requestId, action, input })
    if (!isRefusal(written)) await registry.refresh()
    return written
  }

  return {
    ...values,
    Query: {
      viewer: (_: unknown, __: unknown, { viewer }: RequestContext) => {
        const profile = registry.participants.get(viewer.participant)
        if (!profile) {
          throw new ProblemError(
            refuse('NOT_FOUND', `the key's participant "${viewer.participant}" is not connected`),
          )
        }
        return { participant: { ...profile, profile }, scopes: [...viewer.scopes] }
      },
      participant: (_: unknown, { id }: { id: string }) => registry.participants.get(id) ?? null,
      participants: (_: unknown, args: PageArguments & { where?: ParticipantFilterInput | null }) =>
        pageOf(participantPages, args, registry.participants, orThrow(readParticipantFilter(args.where))),
      corridor: (_: unknown, { id }: { id: string }) => registry.corridors.get(id) ?? null,
      corridors: (_: unknown, args: PageArguments & { where?: CorridorFilterInput | null }) =>
        pageOf(
          corridorPages,
          args,
          registry.corridors,
          orThrow(readCorridorFilter(args.where, registry.projects)),
        ),
      projects: () => [...registry.projects.values()],
      programme: () => programmeFigures(registry.participants.values(), registry.projects.values()),
    },
    Mutation: {
      applyParticipant: (_: unknown, { input }: Input<ApplicationInput>, context: RequestContext) =>
        asOperator(context, 'applyParticipant', input, async (request) => {
          const application = readApplication(input)
          return isRefusal(application)
            ? application
            : store.add((at) => apply(application, request.by, at), request)
        }),
      recordCertification: (
        _: unknown,
        { input }: Input<CertificationInput & { participant: ParticipantId }>,
        context: RequestContext,
      ) =>
        asOperator(context, 'recordCertification', input, async (request) => {
          const certification = readCertification(input)
          if (isRefusal(certification)) return certification
          return store.changeParticipant(
            input.participant,
            (participant, at) => certify(participant, certification, at),
            request,
          )
        }),
      changeParticipantStatus: (
        _: unknown,
        { input }: Input<StatusChangeInput & { participant: ParticipantId }>,
        context: RequestContext,
      ) =>
        asOperator(context, 'changeParticipantStatus', input, async (request) => {
          const change = readStatusChange(input)
          if (isRefusal(change)) return change
          return store.changeParticipant(
            input.participant,
            (participant, at) => changeStatus(participant, change, { ...rules, by: request.by, now: at }),
            request,
          )
        }),
      connectParticipant: (
        _: unknown,
        { input }: Input<ConnectionInput & { participant: ParticipantId }>,
        context: RequestContext,
      ) =>
        asOperator(context, 'connectParticipant', input, async (request) => {
          const connection = readConnection(input, rules)
          if (isRefusal(connection)) return connection
          const secret = newSigningSecret()
          return store.connect(
            input.participant,
            (participant, at) => connect(participant, connection, secret, at, rules),
            secret,
            request,
          )
        }),
      setCorridor: (
        _: unknown,
        { input }: Input<CorridorTermsInput & { id: string }>,
        context: RequestContext,
      ) =>
        asOperator(context, 'setCorridor', input, async (request) => {
          const terms = readTerms(input)
          if (isRefusal(terms)) return terms
          return store.changeCorridor(
            input.id,
            (corridor) =>
              corridor
                ? changeTerms(corridor, terms, registry.projects)
                : openCorridor(input.id, terms, registry.projects),
            request,
          )
        }),
    },
    ParticipantResult: { __resolveType: typeOr('Participant') },
    ConnectParticipantResult: { __resolveType: typeOr('ParticipantConnected') },
    CorridorResult: { __resolveType: typeOr('Corridor') },
    Participant: {
      __resolveReferences: (keys: readonly { readonly id?: string; readonly iin?: string }[]) =>
        keys.map(({ id, iin }) =>
          id === undefined
            ? (registry.participantByIin.get(iin ?? '') ?? null)
            : (registry.participants.get(id) ?? null),
        ),
      country: ({ country }: Participant) => countryOf(country),
      endpointUrl: ({ id, endpoint }: Participant, _: unknown, context: RequestContext) =>
        isOperator(context) || context.viewer.participant === id ? (endpoint?.url ?? null) : null,
    },
    Capability: { state: (capability: Capability) => stateOf(capability, now()) },
    Project: {
      __resolveReferences: (keys: readonly { readonly id: string }[]) =>
        keys.map(({ id }) => registry.projects.get(id) ?? null),
      country: ({ country }: Project) => countryOf(country),
      corridors: ({ id }: Project) =>
        [...registry.corridors.values()].filter((corridor) => corridor.project === id),
    },
    Corridor: {
      __resolveReferences: (keys: readonly { readonly id: string }[]) =>
        keys.map(({ id }) => registry.corridors.get(id) ?? null),
      walletCountry: ({ walletCountry }: Corridor) => countryOf(walletCountry),
      merchantCountry: ({ merchantCountry }: Corridor) => countryOf(merchantCountry),
      project: ({ project }: Corridor) =>
        project === null ? null : (registry.projects.get(project) ?? null),
      model: (corridor: Corridor) => modelOf(corridor, registry.projects),
    },
    Country: {
      __resolveReferences: (keys: readonly { readonly code: string }[]) =>
        keys.map(({ code }) => countryByCode(code)),
    },
  }
}

interface Input<Of> {
  readonly input: Of & { readonly idempotencyKey?: string | null }
}

/** Members of a result's union: a refusal says its own type. */
const typeOr = (name: string) => (value: object) => (isRefusal(value) ? value.__typename : name)

/** One page of those `rows`, which are in order of id, that match. */
function pageOf<Row extends { readonly id: string }>(
  pages: typeof participantPages,
  args: PageArguments,
  rows: ReadonlyMap<string, Row>,
  matches: (row: Row) => boolean,
) {
  const page = orThrow(pages.read(args))
  const matching = [...rows.values()].filter(matches)
  const [after = ''] = page.after ?? []
  const start = matching.findIndex(({ id }) => id > after)
  const rest = start < 0 ? [] : matching.slice(start, start + page.size + 1)
  return { ...pages.connection(page, rest, ({ id }) => [id]), totalCount: matching.length }
}
