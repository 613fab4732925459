// An operation with one setting of its switches: plans and compiles it, and runs it.

import type { GraphQLFormattedError } from 'graphql'
import { mapStream } from '../../subgraphs/platform/async/map-stream.ts'
import type { Positioned } from '../../subgraphs/platform/async/resumable-stream.ts'
import { forbiddenFields, type AccessOf } from './access.ts'
import { completeResponse } from './complete.ts'
import type { SubgraphConnection, Variables } from './connection.ts'
import { coded, refusalText } from './errors.ts'
import { locateFailures, type PresentError, type ResponseTree } from './failures.ts'
import { compileIntrospection } from './introspection.ts'
import type { Operation } from './operation.ts'
import type { Planner } from './plan.ts'
import { plannerDocument } from './planner-document.ts'
import { compileRender, unfit, type Render } from './render.ts'
import type { Run, Step } from './run.ts'
import { rootShape, type ShapeField } from './shape.ts'
import { compileStep, compileSubscription, type SubscriptionSource } from './steps.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'
import type { Variant } from './variant.ts'

/** One event of a subscription: a response as JSON, or null when only the position has moved. */
export type SubscriptionEvent = Positioned<string | null>

/** The parts that all operations of one supergraph share. */
export interface Engine {
  readonly supergraph: SupergraphSchema
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  readonly planner: Planner
  readonly accessOf: AccessOf
  readonly overrideLabelsOf: (context: unknown) => Iterable<string>
  readonly overridePercentageOf: (context: unknown) => number
  readonly present: PresentError
  /** Receives the planner's error for an operation that cannot be planned. */
  readonly report: (error: unknown) => void
}

/**
 * Root fields that are planned and run together. A query or subscription is one stage. Each field of a
 * mutation is a stage of its own, because it must not start before the previous field is complete, with all
 * its joins.
 */
interface Stage {
  readonly fields: readonly ShapeField[]
  /** Whether there may be fields that the caller may not read. */
  readonly hasForbidden: boolean
  /** Null unless the operation is a subscription. */
  readonly source: SubscriptionSource | null
  /** Null when no subgraph is needed. */
  readonly step: Step | null
  readonly introspect: ((variables: Variables) => Record<string, string>) | null
  readonly render: Render
}

/**
 * The response of one stage: its fields as JSON without braces, or null where a null propagated to the root.
 */
interface StageResponse {
  readonly text: string | null
  readonly errors: readonly GraphQLFormattedError[]
}

const noErrors: readonly GraphQLFormattedError[] = []

export class Executable {
  readonly #engine: Engine
  readonly #stages: readonly Stage[]

  /** Throws when the operation cannot be planned. */
  constructor(operation: Operation, variant: Variant, engine: Engine) {
    this.#engine = engine
    const root = rootShape(operation, variant)
    const fields = root.fieldsOf(root.type)
    const groups = operation.definition.operation === 'mutation' ? fields.map((field) => [field]) : [fields]
    this.#stages = groups.map((group) => compileStage(operation, variant, group, engine))
  }

  /** Runs a query or mutation; returns the response as JSON text. */
  execute(variables: Variables, context: unknown): Promise<string> {
    const [stage] = this.#stages
    return stage && this.#stages.length === 1
      ? this.#executeStage(stage, newRun(variables, context))
      : this.#executeSerially(variables, context)
  }

  /** Runs a subscription; see `Prepared.subscribe`. */
  async subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<SubscriptionEvent> | { errorResponse: string }> {
    const [stage] = this.#stages
    const source = stage?.source
    if (!source) {
      const errors = stage?.hasForbidden ? this.#errorsOf(stage, newRun(variables, context)) : noErrors
      if (errors.length > 0) return { errorResponse: refusalText(errors) }
      const message = 'The subscription has no field: @skip or @include removed it.'
      return { errorResponse: refusalText([coded('BAD_USER_INPUT', message)]) }
    }
    const opened = await source.open(variables, context)
    if (Symbol.asyncIterator in opened) {
      return mapStream(opened, async ({ value, position }): Promise<SubscriptionEvent> => {
        if (!value) return { value: null, position }
        const run = newRun(variables, context)
        source.absorb(run, value)
        return { value: await this.#executeStage(stage, run), position }
      })
    }
    const run = newRun(variables, context)
    source.absorb(run, { ...opened, data: null })
    return { errorResponse: refusalText(this.#errorsOf(stage, run)) }
  }

  /** Not an async function: where no subgraph returns a promise, the returned promise is already resolved. */
  #executeStage(stage: Stage, run: Run): Promise<string> {
    try {
      const waiting = stage.step?.(run)
      return waiting
        ? waiting.then(() => responseText(this.#respond(stage, run)))
        : Promise.resolve(responseText(this.#respond(stage, run)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #executeSerially(variables: Variables, context: unknown): Promise<string> {
    const texts: string[] = []
    const errors: GraphQLFormattedError[] = []
    for (const stage of this.#stages) {
      const run = newRun(variables, context)
      await stage.step?.(run)
      const response = this.#respond(stage, run)
      errors.push(...response.errors)
      // As in graphql-js, a null that propagates to the root stops the fields after it.
      if (response.text === null) return responseText({ text: null, errors })
      texts.push(response.text)
    }
    return responseText({ text: texts.join(), errors })
  }

  #respond(stage: Stage, run: Run): StageResponse {
    const meta = stage.introspect ? stage.introspect(run.variables) : null
    const errors = run.failures || stage.hasForbidden ? this.#errorsOf(stage, run) : noErrors
    try {
      if (!run.lost) return { text: stage.render(run.data ?? {}, meta), errors }
    } catch (error) {
      if (error !== unfit) throw error
    }
    const { text, fieldErrors } = completeResponse(this.#treeOf(stage, run), run.lost, meta, errors)
    const presented = fieldErrors.map((error) => ({
      ...this.#engine.present(error, 'supergraph', run.context),
      path: error.path,
    }))
    return { text, errors: [...errors, ...presented] }
  }

  #errorsOf(stage: Stage, run: Run): readonly GraphQLFormattedError[] {
    const tree = this.#treeOf(stage, run)
    const forbidden = stage.hasForbidden ? forbiddenFields(tree) : noErrors
    const failures = locateFailures(run.failures ?? [], tree, (error, subgraph) =>
      this.#engine.present(error, subgraph, run.context),
    )
    return [...forbidden, ...failures]
  }

  #treeOf({ fields }: Stage, { data }: Run): ResponseTree {
    return { schema: this.#engine.supergraph.api.graphql, fields, data: data ?? {} }
  }
}

function compileStage(
  operation: Operation,
  variant: Variant,
  fields: readonly ShapeField[],
  engine: Engine,
): Stage {
  const schema = operation.schema.graphql
  const stage = {
    fields,
    hasForbidden: variant.isForbidden !== null,
    introspect: compileIntrospection(schema, operation, fields),
    render: compileRender(fields, schema),
  }
  const document = plannerDocument(operation, variant, fields)
  const plan = document && engine.planner.plan(document.text, variant.overrides)
  if (!plan) return { ...stage, source: null, step: null }
  const { variables, constants, wantedFields } = document
  const scope = { ...engine, variables, constants, wantedFields }
  return operation.definition.operation === 'subscription'
    ? { ...stage, ...compileSubscription(plan, scope) }
    : { ...stage, source: null, step: compileStep(plan, scope) }
}

const newRun = (variables: Variables, context: unknown): Run => ({
  variables,
  context,
  data: null,
  failures: null,
  lost: null,
})

function responseText({ text, errors }: StageResponse): string {
  const data = text === null ? 'null' : `{${text}}`
  return errors.length > 0 ? `{"data":${data},"errors":${JSON.stringify(errors)}}` : `{"data":${data}}`
}
