// An operation with its switches set: planned, compiled, and run from here.

import type { GraphQLFormattedError } from 'graphql'
import { completeAnswer } from './complete.ts'
import type { SubgraphConnection, Variables } from './connection.ts'
import { locateFailures, type PresentError } from './failures.ts'
import { compileIntrospection } from './introspection.ts'
import type { Operation, Switches } from './operation.ts'
import type { Planner } from './plan.ts'
import { plannerDocument } from './planner-document.ts'
import { compileRender, unfit, type Render } from './render.ts'
import { rootShape, type ShapeField } from './shape.ts'
import { compileStep, compileSubscription, type Run, type Source, type Step } from './steps.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'

/** What all operations of one supergraph share. */
export interface Engine {
  readonly supergraph: SupergraphSchema
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  readonly plan: Planner
  readonly present: PresentError
}

/**
 * Root fields that are planned and run as one. All of a query are; each field of a mutation is by itself, because the
 * next may only begin when everything that was asked of the one before is there.
 */
interface Part {
  readonly fields: readonly ShapeField[]
  /** Null when no subgraph is asked. */
  readonly step: Step | null
  readonly introspect: ((variables: Variables) => Record<string, string>) | null
  readonly render: Render
}

/** A part's answer: its fields as JSON without braces, or null where a null went all the way up. */
interface Answered {
  readonly text: string | null
  readonly errors: readonly GraphQLFormattedError[] | null
}

export class Executable {
  readonly #parts: readonly Part[]
  readonly #operation: Operation
  readonly #engine: Engine
  /** Where events come from; only for a subscription. */
  readonly source: Source | null

  /** Throws when the planner does, or when the plan is not one that can be run. */
  constructor(operation: Operation, switches: Switches, engine: Engine) {
    this.#operation = operation
    this.#engine = engine
    const { definition } = operation
    const schema = operation.schema.graphql
    const root = rootShape(operation, switches)
    const fields = root.fieldsOf(root.type)
    const groups = definition.operation === 'mutation' ? fields.map((field) => [field]) : [fields]
    let opened: Source | null = null
    this.#parts = groups.map((group) => {
      const introspect = compileIntrospection(schema, operation, group)
      const render = compileRender(group, schema)
      const document = plannerDocument(operation, switches, group)
      const plan = document && engine.plan(document.text)
      if (!plan) return { fields: group, step: null, introspect, render }
      const scope = { ...engine, variables: document.variables }
      if (definition.operation !== 'subscription') {
        return { fields: group, step: compileStep(plan, scope), introspect, render }
      }
      const { source, step } = compileSubscription(plan, scope)
      opened = source
      return { fields: group, step, introspect, render }
    })
    this.source = opened
  }

  /** Runs a query or mutation; the answer as JSON text. */
  execute(variables: Variables, context: unknown): Promise<string> {
    const [first] = this.#parts
    if (this.#parts.length !== 1 || !first) return this.#executeSerially(variables, context)
    return this.#executeOne(first, newRun(variables, context))
  }

  /** What is left to do for one event of a subscription. */
  executeEvent(run: Run): Promise<string> {
    return this.#executeOne(this.#parts[0]!, run)
  }

  /** Error entries for what has failed in a run. */
  errorsOf(run: Run): GraphQLFormattedError[] {
    return this.#locate(this.#parts[0]!, run)
  }

  #executeOne(part: Part, run: Run): Promise<string> {
    const waiting = part.step?.(run)
    return waiting
      ? waiting.then(() => responseText(this.#answer(part, run)))
      : Promise.resolve(responseText(this.#answer(part, run)))
  }

  async #executeSerially(variables: Variables, context: unknown): Promise<string> {
    const texts: string[] = []
    const errors: GraphQLFormattedError[] = []
    for (const part of this.#parts) {
      const run = newRun(variables, context)
      await part.step?.(run)
      const answered = this.#answer(part, run)
      if (answered.errors) errors.push(...answered.errors)
      // As in graphql-js, a mutation whose answer is lost stops the ones after it.
      if (answered.text === null) return responseText({ text: null, errors })
      texts.push(answered.text)
    }
    return responseText({ text: texts.join(), errors })
  }

  #answer(part: Part, run: Run): Answered {
    const data = run.data ?? {}
    const meta = part.introspect ? part.introspect(run.variables) : null
    const errors = run.failures ? this.#locate(part, run) : null
    try {
      if (!run.lost) return { text: part.render(data, meta), errors }
    } catch (error) {
      if (error !== unfit) throw error
    }
    const all = errors ?? []
    const schema = this.#operation.schema.graphql
    return { text: completeAnswer({ schema, fields: part.fields, data }, run.lost, meta, all), errors: all }
  }

  #locate({ fields }: Part, { failures, data, context }: Run): GraphQLFormattedError[] {
    const schema = this.#operation.schema.graphql
    return locateFailures(failures ?? [], { schema, fields, data: data ?? {} }, (error, subgraph) =>
      this.#engine.present(error, subgraph, context),
    )
  }
}

export const newRun = (variables: Variables, context: unknown): Run => ({
  variables,
  context,
  data: null,
  failures: null,
  lost: null,
})

function responseText({ text, errors }: Answered): string {
  const data = text === null ? 'null' : `{${text}}`
  return errors?.length ? `{"data":${data},"errors":${JSON.stringify(errors)}}` : `{"data":${data}}`
}
