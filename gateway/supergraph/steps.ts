// Compiles the nodes of a plan into steps. A step changes the data of one run. It never throws, and returns a
// promise only when a subgraph does.

import type { SubgraphOperation, SubgraphResult, Variables } from './connection.ts'
import type { EntityCall } from './entity-calls.ts'
import { entityFetch, readRootFetch, rootFetch } from './fetch.ts'
import { splitInterfaceObjects } from './interface-objects.ts'
import { splitQueries } from './nested-query.ts'
import type { PlanNode } from './plan.ts'
import type { PlanScope, Run, Step } from './run.ts'
import { counted } from './waiting.ts'
import { splitRequirements } from './split-requirements.ts'

export function compileStep(node: PlanNode, scope: PlanScope): Step {
  switch (node.kind) {
    case 'Sequence':
      return sequence(node.nodes.map((inner) => compileStep(inner, scope)))
    case 'Parallel':
      return parallel(node.nodes.map((inner) => compileStep(inner, scope)))
    case 'Fetch':
      return rootFetch(node, scope)
    case 'BatchFetch':
      return entityFetches({ node, aliases: node.entityBatch.aliases }, scope)
    case 'Flatten': {
      const { node: fetch, path } = node
      if (fetch.kind !== 'Fetch' || !fetch.requires) break
      const { requires, inputRewrites, outputRewrites } = fetch
      const field = { alias: '_entities', representationsVariableName: 'representations' }
      const alias = { ...field, paths: [path], requires, inputRewrites, outputRewrites }
      return entityFetches({ node: fetch, aliases: [alias] }, scope)
    }
    case 'Subscription':
    case 'Condition':
    case 'Defer':
  }
  // Switches are applied before planning, `@defer` is not in the schema, and `compileSubscription` reads the
  // source.
  throw new TypeError(`unexpected ${node.kind} node in the plan`)
}

function entityFetches(call: EntityCall, scope: PlanScope): Step {
  const parts = splitQueries(call)
    .flatMap((part) => splitInterfaceObjects(part, scope))
    .flatMap((part) => splitRequirements(part, scope))
  return parallel(parts.map((part) => entityFetch(part, scope)))
}

/** Opens the stream of a subscription's events, and takes an event into a run. */
export interface SubscriptionSource {
  readonly subgraph: string
  open(variables: Variables, context: unknown): ReturnType<SubgraphOperation['subscribe']>
  absorb(run: Run, result: SubgraphResult): void
}

/**
 * Compiles a subscription's plan: its source, and the step for each event, or null when the event needs no
 * fetch.
 */
export function compileSubscription(
  node: PlanNode,
  scope: PlanScope,
): { source: SubscriptionSource; step: Step | null } {
  const [first, ...rest] = node.kind === 'Sequence' ? node.nodes : [node]
  if (first?.kind !== 'Subscription')
    throw new TypeError(`the plan of a subscription starts with a ${first?.kind} node`)
  const { operation, inputs, absorb } = readRootFetch(first.primary, scope)
  const source: SubscriptionSource = {
    subgraph: first.primary.serviceName,
    open: (variables, context) => operation.subscribe(inputs(variables), context),
    absorb,
  }
  return { source, step: rest.length > 0 ? sequence(rest.map((inner) => compileStep(inner, scope))) : null }
}

function sequence(steps: readonly Step[]): Step {
  const resume = async (run: Run, waiting: Promise<void>, next: number): Promise<void> => {
    await waiting
    for (let n = next; n < steps.length; n++) await counted(run.loopTime, () => steps[n]!(run))
  }
  return (run) => {
    for (let n = 0; n < steps.length; n++) {
      const waiting = steps[n]!(run)
      if (waiting) return resume(run, waiting, n + 1)
    }
  }
}

function parallel(steps: readonly Step[]): Step {
  if (steps.length === 1) return steps[0]!
  return (run) => {
    const waiting: Promise<void>[] = []
    for (const step of steps) {
      const promise = step(run)
      if (promise) waiting.push(promise)
    }
    if (waiting.length > 1) return Promise.all(waiting).then(noop)
    return waiting[0]
  }
}

const noop = (): void => {}
