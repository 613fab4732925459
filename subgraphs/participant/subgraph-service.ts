// Joins subgraphs of others to the graph, and takes them out. For the operator.

import { isRefusal, refuse, type Refusal } from '../../schema/values/problems.ts'
import { demandScope, requireScope } from '../shared/access.ts'
import { authorOf } from '../shared/audit-log.ts'
import { readCallbackUrl } from '../shared/callback-url.ts'
import {
  subgraphNameForm,
  type CompositionMistake,
  type JoiningPort,
  type StoredSubgraph,
} from '../shared/joined-subgraphs.ts'
import type { Reach } from '../shared/reachable-address.ts'
import type { RequestContext } from '../shared/viewer.ts'
import type { SubgraphStore } from './subgraph-store.ts'

export interface SubgraphServiceDependencies {
  readonly store: SubgraphStore
  /** Null where the hub cannot join subgraphs. */
  readonly joining: JoiningPort | null
  readonly reach: Reach
}

export interface JoinInput {
  readonly name: string
  readonly url: string
  readonly sdl?: string | null
  readonly idempotencyKey?: string | null
}

export interface LeaveInput {
  readonly name: string
  readonly idempotencyKey?: string | null
}

export interface SubgraphNotComposed extends Refusal {
  readonly __typename: 'SubgraphNotComposed'
  readonly mistakes: readonly CompositionMistake[]
}

export type SubgraphService = ReturnType<typeof createSubgraphService>

export const createSubgraphService = (dependencies: SubgraphServiceDependencies) => ({
  list: (context: RequestContext) => listSubgraphs(dependencies, context),
  join: (input: JoinInput, context: RequestContext) => joinSubgraph(dependencies, input, context),
  leave: (input: LeaveInput, context: RequestContext) => leaveSubgraph(dependencies, input, context),
})

async function listSubgraphs({ store }: SubgraphServiceDependencies, context: RequestContext) {
  demandScope(context, 'operator')
  return (await store.all()).map(shown)
}

const sdlLengthMax = 1_000_000
const mistakesMax = 100

/** Resolves once this hub serves the subgraph. */
async function joinSubgraph(
  { store, joining, reach }: SubgraphServiceDependencies,
  { name, url: givenUrl, sdl: givenSdl = null, idempotencyKey }: JoinInput,
  context: RequestContext,
) {
  const forbidden = requireScope(context, 'operator')
  if (forbidden) return forbidden
  if (!joining) return refuse('NOT_AVAILABLE')
  if (!subgraphNameForm.test(name))
    return refuse('BAD_VALUE', 'a name has 1–40 characters: a–z, 0–9 and dashes, a letter first', [
      'input',
      'name',
    ])
  if (givenSdl !== null && givenSdl.length > sdlLengthMax)
    return refuse('BAD_VALUE', `an SDL has at most ${sdlLengthMax} characters`, ['input', 'sdl'])
  const url = readCallbackUrl(givenUrl, reach, ['input', 'url'])
  if (isRefusal(url)) return url

  // Runs once, however often the MongoDB transaction does.
  let checked: Promise<string | Refusal> | undefined
  const read = () => (checked ??= readChecked(joining, name, url, givenSdl))
  const stored = await store.join(url, read, {
    ...callOf(context, name, idempotencyKey),
    command: { name, url, sdl: givenSdl },
  })
  if (isRefusal(stored)) return stored
  await joining.refresh()
  return { subgraph: shown(stored) }
}

async function readChecked(
  joining: JoiningPort,
  name: string,
  url: string,
  given: string | null,
): Promise<string | Refusal> {
  const sdl = given ?? (await joining.fetchSdl({ name, url }, ['input', 'url']))
  if (isRefusal(sdl)) return sdl
  const mistakes = await joining.check({ name, url, sdl })
  return mistakes.length === 0 ? sdl : notComposed(name, mistakes)
}

function notComposed(name: string, mistakes: readonly CompositionMistake[]): SubgraphNotComposed {
  const [first] = mistakes
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes, the first`
  return {
    ...refuse('SUBGRAPH_NOT_COMPOSED', `"${name}" has ${count}: ${first?.message}`, ['input']),
    __typename: 'SubgraphNotComposed',
    mistakes: mistakes.slice(0, mistakesMax),
  }
}

/** Resolves once this hub serves the graph without the subgraph. */
async function leaveSubgraph(
  { store, joining }: SubgraphServiceDependencies,
  { name, idempotencyKey }: LeaveInput,
  context: RequestContext,
) {
  const forbidden = requireScope(context, 'operator')
  if (forbidden) return forbidden
  if (!joining) return refuse('NOT_AVAILABLE')
  const left = await store.leave({ ...callOf(context, name, idempotencyKey), command: { name } })
  if (!isRefusal(left)) await joining.refresh()
  return left
}

const callOf = (context: RequestContext, name: string, idempotencyKey: string | null | undefined) => ({
  name,
  by: authorOf(context),
  idempotencyKey,
})

const shown = ({ id, ...rest }: StoredSubgraph) => ({ name: id, ...rest })
