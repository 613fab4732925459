// GraphQL ↔ domain. Reads come from the in-memory reference; only mutations reach MongoDB.

import { countryByCode } from '../../schema/values/country.ts'
import { isRefusal, orThrow, ProblemError, refuse, type Refusal } from '../../schema/values/problems.ts'
import { requireScope } from '../access.ts'
import type { Resolvers } from '../federated-schema.ts'
import { pagesOf, type PageArguments } from '../page.ts'
import type { Capability, Corridor, LiveReference, Participant, Project } from '../reference.ts'
import type { RequestContext } from '../subgraph.ts'
import { countryOf, values } from '../values.ts'
import {
  changeTerms,
  modelOf,
  readCorridorFilter,
  type CorridorFilterInput,
  type CorridorTerms,
} from './corridor.ts'
import {
  apply,
  certify,
  changeStatus,
  readParticipantFilter,
  stateOf,
  type Application,
  type Certification,
  type ParticipantFilterInput,
  type StatusChangeInput,
} from './participant.ts'
import { programmeFigures } from './project.ts'
import type { ParticipantStore } from './store.ts'

const participantPages = pagesOf('participants', ['string'], 100)
const corridorPages = pagesOf('corridors', ['string'], 500)

export function participantResolvers(
  reference: LiveReference,
  store: ParticipantStore,
  now: () => Date,
): Resolvers {
  /** Operators only; the answer waits until this process sees what was written. */
  const asOperator = async <Row>(
    context: RequestContext,
    write: (by: string) => Promise<Row | Refusal>,
  ): Promise<Row | Refusal> => {
    const refusal = requireScope(context, 'operator')
    if (refusal) return refusal
    const written = await write(context.viewer.participant)
    if (!isRefusal(written)) await reference.refresh()
    return written
  }

  return {
    ...values,
    Query: {
      viewer: (_: unknown, __: unknown, { viewer }: RequestContext) => {
        const profile = reference.participants.get(viewer.participant)
        if (!profile) {
          throw new ProblemError(
            refuse('NOT_FOUND', `the key's participant "${viewer.participant}" is not connected`),
          )
        }
        return { participant: { ...profile, profile }, scopes: [...viewer.scopes] }
      },
      participant: (_: unknown, { id }: { id: string }) => reference.participants.get(id) ?? null,
      participants: (_: unknown, args: PageArguments & { where?: ParticipantFilterInput | null }) =>
        pageOf(participantPages, args, reference.participants, orThrow(readParticipantFilter(args.where))),
      corridor: (_: unknown, { id }: { id: string }) => reference.corridors.get(id) ?? null,
      corridors: (_: unknown, args: PageArguments & { where?: CorridorFilterInput | null }) =>
        pageOf(
          corridorPages,
          args,
          reference.corridors,
          orThrow(readCorridorFilter(args.where, reference.projects)),
        ),
      projects: () => [...reference.projects.values()],
      programme: () => programmeFigures(reference.participants.values(), reference.projects.values()),
    },
    Mutation: {
      applyParticipant: (_: unknown, { input }: { input: Application }, context: RequestContext) =>
        asOperator(context, async (by) => {
          const applied = apply(input, by, now())
          return isRefusal(applied) ? applied : store.add(applied)
        }),
      recordCertification: (
        _: unknown,
        { input }: { input: Certification & { participant: string } },
        context: RequestContext,
      ) =>
        asOperator(context, () =>
          store.decideParticipant(input.participant, (participant) => certify(participant, input, now())),
        ),
      changeParticipantStatus: (
        _: unknown,
        { input }: { input: StatusChangeInput & { participant: string } },
        context: RequestContext,
      ) =>
        asOperator(context, (by) =>
          store.decideParticipant(input.participant, (participant) =>
            changeStatus(participant, input, by, now()),
          ),
        ),
      setCorridor: (
        _: unknown,
        { input }: { input: CorridorTerms & { id: string } },
        context: RequestContext,
      ) =>
        asOperator(context, () => store.decideCorridor(input.id, (corridor) => changeTerms(corridor, input))),
    },
    ParticipantResult: { __resolveType: memberOr('Participant') },
    CorridorResult: { __resolveType: memberOr('Corridor') },
    Participant: {
      __resolveReferences: (keys: readonly { readonly id?: string; readonly iin?: string }[]) =>
        keys.map(({ id, iin }) =>
          id === undefined
            ? (reference.participantByIin.get(iin ?? '') ?? null)
            : (reference.participants.get(id) ?? null),
        ),
      country: ({ country }: Participant) => countryOf(country),
    },
    Capability: { state: (capability: Capability) => stateOf(capability, now()) },
    Project: {
      __resolveReferences: (keys: readonly { readonly id: string }[]) =>
        keys.map(({ id }) => reference.projects.get(id) ?? null),
      country: ({ country }: Project) => countryOf(country),
      corridors: ({ id }: Project) =>
        [...reference.corridors.values()].filter((corridor) => corridor.project === id),
    },
    Corridor: {
      __resolveReferences: (keys: readonly { readonly id: string }[]) =>
        keys.map(({ id }) => reference.corridors.get(id) ?? null),
      walletCountry: ({ walletCountry }: Corridor) => countryOf(walletCountry),
      merchantCountry: ({ merchantCountry }: Corridor) => countryOf(merchantCountry),
      project: ({ project }: Corridor) =>
        project === null ? null : (reference.projects.get(project) ?? null),
      model: (corridor: Corridor) => modelOf(corridor, reference.projects),
    },
    Country: {
      __resolveReferences: (keys: readonly { readonly code: string }[]) =>
        keys.map(({ code }) => countryByCode(code)),
    },
  }
}

const memberOr = (member: string) => (value: unknown) => (isRefusal(value) ? 'Refused' : member)

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
