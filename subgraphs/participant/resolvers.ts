// GraphQL ↔ domain. Reads use the registry in memory; only mutations use MongoDB.

import { countryByCode } from '../../schema/values/country.ts'
import type { CorridorId, ParticipantId, ProjectId } from '../../schema/values/id.ts'
import { orThrow, ProblemError, refuse } from '../../schema/values/problems.ts'
import type { ApiKeyView } from '../shared/api-keys.ts'
import type { Resolvers } from '../shared/federated-schema.ts'
import { pagesOf, type PageArguments } from '../shared/page.ts'
import type { Capability, Corridor, Participant, Project, Registry } from '../shared/registry.ts'
import { typeOr } from '../shared/result-union.ts'
import { countryOf, values } from '../shared/values.ts'
import type { RequestContext } from '../shared/viewer.ts'
import { modelOf, readCorridorFilter, type CorridorFilterInput } from './corridor.ts'
import type { CreateKeyInput, KeyService, RotateKeyInput } from './key-service.ts'
import type { OperatorService } from './operator-service.ts'
import type { SubgraphService } from './subgraph-service.ts'
import { readParticipantFilter, stateOf, type ParticipantFilterInput } from './participant.ts'
import { programmeFigures, versionOf } from './project.ts'

const participantPages = pagesOf('participants', ['string'], 100)
const corridorPages = pagesOf('corridors', ['string'], 500)

export interface ParticipantResolversDependencies {
  readonly registry: Registry
  readonly service: OperatorService
  readonly subgraphs: SubgraphService
  readonly keyService: KeyService
  readonly now: () => Date
}

interface Key<Id extends string> {
  readonly id: Id
}

export function createParticipantResolvers(dependencies: ParticipantResolversDependencies): Resolvers {
  const { registry, service, subgraphs, keyService, now } = dependencies
  return {
    ...values,
    Query: {
      ...queryFields(registry),
      ...keyQueries(keyService),
      subgraphs: (_: unknown, __: unknown, context: RequestContext) => subgraphs.list(context),
    },
    Mutation: {
      ...mutationFields(service),
      ...keyMutations(keyService),
      joinSubgraph: mutation(subgraphs.join),
      leaveSubgraph: mutation(subgraphs.leave),
    },
    ...keyTypes(registry, keyService),
    ParticipantResult: { __resolveType: typeOr('Participant') },
    ConnectParticipantResult: { __resolveType: typeOr('ParticipantConnected') },
    JoinSubgraphResult: { __resolveType: typeOr('SubgraphJoined') },
    LeaveSubgraphResult: { __resolveType: typeOr('SubgraphLeft') },
    CorridorResult: { __resolveType: typeOr('Corridor') },
    ProjectResult: { __resolveType: typeOr('Project') },
    Participant: participantFields(registry),
    StatusChange: { __owner: ({ participant }: { participant: ParticipantId }) => participant },
    Capability: { state: (capability: Capability) => stateOf(capability, now()) },
    Project: projectFields(registry),
    Corridor: corridorFields(registry),
    Country: {
      __resolveReferences: (keys: readonly { readonly code: string }[]) =>
        keys.map(({ code }) => countryByCode(code)),
    },
  }
}

const queryFields = (registry: Registry) => ({
  viewer: (_: unknown, __: unknown, context: RequestContext) => viewerOf(registry, context),
  participant: (_: unknown, { id }: Key<ParticipantId>) => registry.participants.get(id) ?? null,
  participants: (_: unknown, args: PageArguments & { where?: ParticipantFilterInput | null }) =>
    pageOf(
      participantPages,
      args,
      registry.participants.values(),
      orThrow(readParticipantFilter(args.where)),
    ),
  corridor: (_: unknown, { id }: Key<CorridorId>) => registry.corridors.get(id) ?? null,
  corridors: (_: unknown, args: PageArguments & { where?: CorridorFilterInput | null }) => {
    const matches = orThrow(readCorridorFilter(args.where, registry.projects))
    return pageOf(corridorPages, args, registry.corridors.values(), matches)
  },
  projects: () => [...registry.projects.values()],
  programme: () => programmeFigures(registry.participants.values(), registry.projects.values()),
})

function viewerOf(registry: Registry, { viewer }: RequestContext) {
  const profile = registry.participants.get(viewer.participant)
  if (!profile) {
    const problem = `the key's participant "${viewer.participant}" is not connected`
    throw new ProblemError(refuse('NOT_FOUND', problem))
  }
  return { participant: { ...profile, profile }, scopes: [...viewer.scopes] }
}

const mutationFields = (service: OperatorService) => ({
  applyParticipant: mutation(service.applyParticipant),
  recordCertification: mutation(service.recordCertification),
  changeParticipantStatus: mutation(service.changeParticipantStatus),
  connectParticipant: mutation(service.connectParticipant),
  setCorridor: mutation(service.setCorridor),
  setProject: mutation(service.setProject),
})

const keyQueries = (keyService: KeyService) => ({
  keys: (
    _: unknown,
    { participant = null }: { participant?: ParticipantId | null },
    context: RequestContext,
  ) => keyService.list(context, participant),
})

const keyMutations = (keyService: KeyService) => ({
  createKey: mutation((input: CreateKeyInput, context) => keyService.create(context, input)),
  rotateKey: mutation((input: RotateKeyInput, context) => keyService.rotate(context, input)),
  revokeKey: mutation(({ key }: { readonly key: string }, context) => keyService.revoke(context, key)),
})

const keyTypes = (registry: Registry, keyService: KeyService) => ({
  ApiKey: {
    participant: ({ participant }: ApiKeyView) => registry.participants.get(participant),
    lastUsedAt: keyService.lastUse,
  },
  CreateKeyResult: { __resolveType: typeOr('KeyIssued') },
  RotateKeyResult: { __resolveType: typeOr('KeyIssued') },
  RevokeKeyResult: { __resolveType: typeOr('ApiKey') },
})

const mutation =
  <Input, Result>(operate: (input: Input, context: RequestContext) => Result) =>
  (_: unknown, { input }: { readonly input: Input }, context: RequestContext): Result =>
    operate(input, context)

const participantFields = (registry: Registry) => ({
  __resolveReferences: (keys: readonly { readonly id?: ParticipantId; readonly iin?: string }[]) =>
    keys.map(({ id, iin }) =>
      id === undefined
        ? (registry.participantByIin.get(iin ?? '') ?? null)
        : (registry.participants.get(id) ?? null),
    ),
  country: ({ country }: Participant) => countryOf(country),
  __owner: ({ id }: Participant) => id,
  network: ({ network }: Participant) =>
    network === null ? null : (registry.participants.get(network) ?? null),
  endpointUrl: ({ endpoint }: Participant) => endpoint?.url ?? null,
  statusHistory: ({ id, statusHistory }: Participant) =>
    statusHistory.map((change) => ({ ...change, participant: id })),
})

const projectFields = (registry: Registry) => ({
  __resolveReferences: (keys: readonly Key<ProjectId>[]) =>
    keys.map(({ id }) => registry.projects.get(id) ?? null),
  country: ({ country }: Project) => countryOf(country),
  version: versionOf,
  corridors: ({ id }: Project) =>
    [...registry.corridors.values()].filter((corridor) => corridor.project === id),
})

const corridorFields = (registry: Registry) => ({
  __resolveReferences: (keys: readonly Key<CorridorId>[]) =>
    keys.map(({ id }) => registry.corridors.get(id) ?? null),
  walletCountry: ({ walletCountry }: Corridor) => countryOf(walletCountry),
  merchantCountry: ({ merchantCountry }: Corridor) => countryOf(merchantCountry),
  project: ({ project }: Corridor) => (project === null ? null : (registry.projects.get(project) ?? null)),
  model: (corridor: Corridor) => modelOf(corridor, registry.projects),
})

/** One page of the matching `rows`, which are in order of id. */
function pageOf<Row extends { readonly id: string }>(
  pages: typeof participantPages,
  args: PageArguments,
  rows: Iterable<Row>,
  matches: (row: Row) => boolean,
) {
  const page = orThrow(pages.read(args))
  const matching = [...rows].filter(matches)
  const [after = ''] = page.after ?? []
  const start = matching.findIndex(({ id }) => id > after)
  const rest = start < 0 ? [] : matching.slice(start, start + page.size + 1)
  return { ...pages.connection(page, rest, ({ id }) => [id]), totalCount: matching.length }
}
