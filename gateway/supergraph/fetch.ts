// Compiles a fetch: the variables that a subgraph is sent, and how its result becomes part of the data.

import {
  Kind,
  parse,
  print,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { emptyObject } from './codegen.ts'
import type {
  SubgraphConnection,
  SubgraphError,
  SubgraphOperation,
  SubgraphResult,
  Variables,
} from './connection.ts'
import { compileEntities, type CollectEntities, type Entities } from './entities.ts'
import type { EntityCall } from './entity-calls.ts'
import {
  brokenConnection,
  endedOperation,
  invalidResponse,
  lateSubgraph,
  type Failure,
  type Target,
} from './failures.ts'
import { compileMerge, type Data, type Merge } from './merge.ts'
import { asEntities, isOfQuery, rootDocument, withoutNestedQuery } from './nested-query.ts'
import type { FetchNode } from './plan.ts'
import { keysOf } from './providers.ts'
import { withRequiredArguments } from './requires-arguments.ts'
import { compileRewrites, renamedKeys, type Rewrite } from './rewrites.ts'
import type { PlanScope, Run, Step } from './run.ts'
import { counted, isPromise } from './waiting.ts'

interface RootFetch {
  readonly operation: SubgraphOperation
  /** Selects the variables that the subgraph is sent. */
  readonly inputs: (variables: Variables) => Variables
  readonly absorb: (run: Run, result: SubgraphResult) => void
}

export function readRootFetch(node: FetchNode, scope: PlanScope): RootFetch {
  const { subgraph, text, selectionSet, fields, fragments } = readFetch(node, scope)
  const renamed = renamedKeys(node.outputRewrites)
  const merge = compileMerge(selectionSet, { fragments, renamed }, scope.supergraph.isAbstract)
  const rewrite = compileRewrites(node.outputRewrites, scope.supergraph.typenames)
  const keys = fields.map((field) => (field.alias ?? field.name).value)
  const targets = [{ keys, renamed, entities: null }]
  return {
    operation: prepareNamed(subgraph, text, scope),
    inputs: compileInputs(node.variableUsages, scope),
    absorb(run, { data, errors }) {
      if (errors?.length) fail(run, { subgraph: subgraph.name, errors, noData: !data, targets })
      if (!data) {
        if (!errors?.length) {
          const mistake = invalidResponse(subgraph.name, 'returned neither data nor errors')
          fail(run, { subgraph: subgraph.name, errors: [mistake], noData: true, targets })
        }
        for (const key of keys) (run.unknownRoots ??= new Set()).add(key)
        return
      }
      rewrite?.(data)
      if (run.data) merge(run.data, data, run)
      else run.data = data
    },
  }
}

export function rootFetch(node: FetchNode, scope: PlanScope): Step {
  const { operation, inputs, absorb } = readRootFetch(node, scope)
  return (run) => callSubgraph(node.serviceName, operation, inputs(run.variables), run, absorb)
}

/** One `_entities` field of a fetch: collects its entities, and merges the subgraph's result into them. */
interface EntityField {
  readonly alias: string
  readonly variable: string
  readonly collect: CollectEntities
  readonly merge: Merge
  readonly rewrite: Rewrite | null
  readonly renamed: ReadonlyMap<string, readonly string[]>
  /** Paths at which the entities are collected: keys of the data, without list indexes. */
  readonly paths: ReadonlySet<string>
}

export function entityFetch({ node, aliases }: EntityCall, scope: PlanScope): Step {
  const { subgraph, document, text, fields, fragments } = readFetch(node, scope)
  const [first] = aliases
  const rootAlias = first && isOfQuery(first) ? first : null
  const entityFields = aliases.map((entities): EntityField => {
    const { selectionSet } = fields.find(({ name, alias }) => (alias ?? name).value === entities.alias)!
    const renamed = renamedKeys(entities.outputRewrites)
    return {
      alias: entities.alias,
      variable: entities.representationsVariableName,
      collect: compileEntities(entities, subgraph.name, scope.supergraph),
      merge: compileMerge(selectionSet!, { fragments, renamed }, scope.supergraph.isAbstract),
      rewrite: compileRewrites(entities.outputRewrites, scope.supergraph.typenames),
      renamed,
      paths: new Set(entities.paths.map((path) => keysOf(path).join('/'))),
    }
  })
  const operation = prepareNamed(subgraph, rootAlias ? rootDocument(document, rootAlias) : text, scope)
  const inputs = compileInputs(node.variableUsages, scope)
  return (run) => {
    const { data } = run
    if (!data) return
    const found = entityFields.map(({ collect }) => collect(data))
    if (found.every(({ representations }) => representations.length === 0)) return
    const variables = inputs(run.variables)
    if (!rootAlias)
      entityFields.forEach(({ variable }, n) => (variables[variable] = found[n]!.representations))
    return callSubgraph(subgraph.name, operation, variables, run, (_, received) => {
      const result = rootAlias ? asEntities(received, rootAlias.alias) : received
      if (result.errors?.length) {
        const targets = entityFields.map((field, n) => targetOf(field, found[n]!))
        fail(run, { subgraph: subgraph.name, errors: result.errors, noData: !result.data, targets })
      }
      entityFields.forEach((field, n) => {
        const mistakes = absorbEntities(field, found[n]!, result, subgraph.name, run)
        if (mistakes.length === 0) return
        const target = targetOf(field, found[n]!)
        fail(run, { subgraph: subgraph.name, errors: mistakes, noData: false, targets: [target] })
      })
    })
  }
}

function fail(run: Run, failure: Failure): void {
  ;(run.failures ??= []).push(failure)
}

const targetOf = ({ alias, renamed, paths }: EntityField, found: Entities): Target => ({
  keys: [alias],
  renamed,
  entities: { found, paths },
})

const noMistakes: readonly SubgraphError[] = []

/** Merges the entities of a result; returns an error for each that the subgraph must return and has not. */
function absorbEntities(
  { alias, merge, rewrite }: EntityField,
  { objects, indexes, representations }: Entities,
  { data, errors }: SubgraphResult,
  subgraph: string,
  run: Run,
): readonly SubgraphError[] {
  const results = data?.[alias]
  if (!Array.isArray(results)) {
    for (const object of objects) (run.unknown ??= new Set()).add(object)
    const isExplained = errors !== undefined && errors.length > 0 && (results ?? null) === null
    return isExplained
      ? noMistakes
      : [invalidResponse(subgraph, 'did not return the list of entities', [alias])]
  }
  if (rewrite) results.forEach(rewrite)
  let isComplete = true
  for (let n = 0; n < objects.length; n++) {
    const entity: unknown = results[indexes[n]!]
    if (typeof entity === 'object' && entity !== null && !Array.isArray(entity)) {
      merge(objects[n]!, entity as Data, run)
    } else {
      ;(run.unknown ??= new Set()).add(objects[n])
      if (entity !== null) isComplete = false
    }
  }
  if (isComplete) return noMistakes
  return representations.flatMap((_, n) => {
    const entity: unknown = results[n]
    if (entity === null || (typeof entity === 'object' && !Array.isArray(entity))) return []
    return [invalidResponse(subgraph, 'did not return an object for an entity', [alias, n])]
  })
}

interface FetchDocument {
  readonly subgraph: SubgraphConnection
  readonly document: DocumentNode
  readonly text: string
  readonly selectionSet: SelectionSetNode
  readonly fields: readonly FieldNode[]
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>
}

function readFetch(
  node: Pick<FetchNode, 'serviceName' | 'operation'>,
  { subgraphs, supergraph }: PlanScope,
): FetchDocument {
  const subgraph = subgraphs.get(node.serviceName)
  if (!subgraph)
    throw new TypeError(`no connection for subgraph ${node.serviceName}, which the plan fetches from`)
  const planned = parse(node.operation, { noLocation: true })
  const document = withoutNestedQuery(withRequiredArguments(planned, supergraph.requiredFields))
  const { definitions } = document
  const operation = definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION)
  if (!operation) throw new TypeError(`a fetch of the plan has no operation: ${node.operation}`)
  const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
  return {
    subgraph,
    document,
    text: document === planned ? node.operation : print(document),
    selectionSet: operation.selectionSet,
    fields: operation.selectionSet.selections.filter((selection) => selection.kind === Kind.FIELD),
    fragments: new Map(fragments.map((fragment) => [fragment.name.value, fragment])),
  }
}

/**
 * Prepares a fetch under the client's name of the operation and the subgraph's: `Checkout__offers`, by
 * which the subgraph's own logs and metrics can be read.
 */
function prepareNamed(
  subgraph: SubgraphConnection,
  text: string,
  { operationName }: PlanScope,
): SubgraphOperation {
  if (operationName === null) return subgraph.prepare(text)
  const name = `${operationName}__${subgraph.name.replaceAll(/\W/g, '_')}`
  const named = text.replace(
    /^\s*(?:(query|mutation|subscription)\b)?/,
    (_, kind = 'query') => `${kind} ${name}`,
  )
  return subgraph.prepare(named, name)
}

/** The function returns a new object for every call, because representations are added to it. */
function compileInputs(
  usages: readonly string[] | undefined,
  { variables: clientNames, constants }: PlanScope,
): (variables: Variables) => Variables {
  if (!usages?.length) return () => ({})
  const literals = Object.fromEntries(
    usages.filter((name) => constants.has(name)).map((name) => [name, constants.get(name)]),
  )
  const hasLiterals = Object.keys(literals).length > 0
  const create = emptyObject(usages)
  const names = usages
    .filter((name) => !constants.has(name))
    .map((name) => [name, clientNames.get(name) ?? name] as const)
  return (variables) => {
    const inputs = hasLiterals ? Object.assign(create(), literals) : create()
    for (const [name, clientName] of names) {
      // An absent variable is not sent: null would override the default of an argument.
      if (variables[clientName] !== undefined) inputs[name] = variables[clientName]
    }
    return inputs
  }
}

function callSubgraph(
  subgraph: string,
  operation: SubgraphOperation,
  variables: Variables,
  run: Run,
  absorb: (run: Run, result: SubgraphResult) => void,
): void | Promise<void> {
  const { deadline, loopTime } = run
  if (deadline?.isPast) return absorb(run, lateSubgraph(subgraph))
  if (loopTime?.isSpent) return absorb(run, endedOperation)
  let result: SubgraphResult | Promise<SubgraphResult>
  try {
    result = operation.execute(variables, run.context)
  } catch (error) {
    result = brokenConnection(subgraph, error)
  }
  if (!isPromise(result)) return absorb(run, result)
  const inTime =
    deadline && !operation.endsByDeadline ? deadline.race(result, () => lateSubgraph(subgraph)) : result
  return inTime.then(
    (value) => counted(loopTime, () => absorb(run, value)),
    (error: unknown) => absorb(run, brokenConnection(subgraph, error)),
  )
}
