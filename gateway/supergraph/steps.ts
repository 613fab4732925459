// The plan's nodes as closures. A step works on one run's data; it never throws, and gives a promise only when it waits.

import type { SubgraphOperation, SubgraphResult, Variables } from './connection.ts'
import { entityFetch, readRootFetch, rootFetch } from './fetch.ts'
import { splitInterfaceObjects, type EntityCall } from './interface-objects.ts'
import type { PlanNode } from './plan.ts'
import type { PlanScope, Run, Step } from './run.ts'

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
  // Switches are decided before planning, `@defer` is not in the schema, a subscription's source is taken off first.
  throw new TypeError(`the plan has a ${node.kind} where none can be`)
}

function entityFetches(call: EntityCall, scope: PlanScope): Step {
  return parallel(splitInterfaceObjects(call, scope).map((one) => entityFetch(one, scope)))
}

/** Where a subscription's events come from, and how one of them is taken into a run. */
export interface Source {
  open(variables: Variables, context: unknown): ReturnType<SubgraphOperation['subscribe']>
  absorb(run: Run, result: SubgraphResult): void
}

/** A subscription's plan: its source, and what is done for each event; null when the event is all there is. */
export function compileSubscription(node: PlanNode, scope: PlanScope): { source: Source; step: Step | null } {
  const [first, ...rest] = node.kind === 'Sequence' ? node.nodes : [node]
  if (first?.kind !== 'Subscription')
    throw new TypeError(`the plan of a subscription starts with ${first?.kind}`)
  const { operation, inputs, absorb } = readRootFetch(first.primary, scope)
  const source: Source = {
    open: (variables, context) => operation.subscribe(inputs(variables), context),
    absorb,
  }
  return { source, step: rest.length > 0 ? sequence(rest.map((inner) => compileStep(inner, scope))) : null }
}

function sequence(steps: readonly Step[]): Step {
  const resume = async (run: Run, waiting: Promise<void>, next: number): Promise<void> => {
    await waiting
    for (let n = next; n < steps.length; n++) await steps[n]!(run)
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
      const one = step(run)
      if (one) waiting.push(one)
    }
    if (waiting.length > 1) return Promise.all(waiting).then(noop)
    return waiting[0]
  }
}

const noop = (): void => {}
