// An operation with its switches set: planned, compiled, and run from here.

import type { GraphQLFormattedError } from 'graphql'
import type { Positioned } from '../../subgraphs/platform/async/resumable-stream.ts'
import { completeAnswer } from './complete.ts'
import type { SubgraphConnection, Variables } from './connection.ts'
import { coded, refusalText } from './errors.ts'
import { locateFailures, type Answer, type PresentError } from './failures.ts'
import { compileIntrospection } from './introspection.ts'
import { MappedStream } from './mapped-stream.ts'
import type { Operation, Switches } from './operation.ts'
import type { Planner } from './plan.ts'
import { plannerDocument } from './planner-document.ts'
import { compileRender, unfit, type Render } from './render.ts'
import type { Run, Step } from './run.ts'
import { rootShape, type ShapeField } from './shape.ts'
import { compileStep, compileSubscription, type Source } from './steps.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'

/** One event of a subscription: a response as JSON, or null when only the position has moved. */
export type SubscriptionEvent = Positioned<string | null>

/** What all operations of one supergraph share. */
export interface Engine {
  readonly supergraph: SupergraphSchema
  readonly subgraphs: ReadonlyMap<string, SubgraphConnection>
  readonly plan: Planner
  readonly present: PresentError
  /** Told of an operation that cannot be planned. */
  readonly report: (error: unknown) => void
}

/**
 * Root fields that are planned and run as one. All of a query are; each field of a mutation is by itself, because the
 * next may only begin when everything that was asked of the one before is there.
 */
interface Part {
  readonly fields: readonly ShapeField[]
  /** Where a subscription's events come from. */
  readonly source: Source | null
  /** Null when no subgraph is asked. */
  readonly step: Step | null
  readonly introspect: ((variables: Variables) => Record<string, string>) | null
  readonly render: Render
}

/** A part's answer: its fields as JSON without braces, or null where a null went all the way up. */
interface PartAnswer {
  readonly text: string | null
  readonly errors: readonly GraphQLFormattedError[]
}

const none: readonly GraphQLFormattedError[] = []

export class Executable {
  readonly #engine: Engine
  readonly #parts: readonly Part[]

  /** Throws when the operation cannot be planned. */
  constructor(operation: Operation, switches: Switches, engine: Engine) {
    this.#engine = engine
    const root = rootShape(operation, switches)
    const fields = root.fieldsOf(root.type)
    const groups = operation.definition.operation === 'mutation' ? fields.map((field) => [field]) : [fields]
    this.#parts = groups.map((group) => compilePart(operation, switches, group, engine))
  }

  /** Runs a query or mutation; the answer as JSON text. */
  execute(variables: Variables, context: unknown): Promise<string> {
    const [part] = this.#parts
    return part && this.#parts.length === 1
      ? this.#executePart(part, newRun(variables, context))
      : this.#executeSerially(variables, context)
  }

  /** Runs a subscription; see `Prepared.subscribe`. */
  async subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<SubscriptionEvent> | { errorResponse: string }> {
    const [part] = this.#parts
    const source = part?.source
    // Its only field may have been skipped.
    if (!source)
      return { errorResponse: refusalText([coded('BAD_USER_INPUT', 'There is nothing to subscribe to.')]) }
    const opened = await source.open(variables, context)
    if (Symbol.asyncIterator in opened) {
      return new MappedStream(opened, async ({ value, position }): Promise<SubscriptionEvent> => {
        if (!value) return { value: null, position }
        const run = newRun(variables, context)
        source.absorb(run, value)
        return { value: await this.#executePart(part, run), position }
      })
    }
    const run = newRun(variables, context)
    source.absorb(run, { ...opened, data: null })
    return { errorResponse: refusalText(this.#errorsOf(part, run)) }
  }

  /** Not an async function: where no subgraph waits, neither does the hub, and the promise is there already. */
  #executePart(part: Part, run: Run): Promise<string> {
    try {
      const waiting = part.step?.(run)
      return waiting
        ? waiting.then(() => responseText(this.#answer(part, run)))
        : Promise.resolve(responseText(this.#answer(part, run)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #executeSerially(variables: Variables, context: unknown): Promise<string> {
    const texts: string[] = []
    const errors: GraphQLFormattedError[] = []
    for (const part of this.#parts) {
      const run = newRun(variables, context)
      await part.step?.(run)
      const answer = this.#answer(part, run)
      errors.push(...answer.errors)
      // As in graphql-js, a mutation whose answer is lost stops the ones after it.
      if (answer.text === null) return responseText({ text: null, errors })
      texts.push(answer.text)
    }
    return responseText({ text: texts.join(), errors })
  }

  #answer(part: Part, run: Run): PartAnswer {
    const meta = part.introspect ? part.introspect(run.variables) : null
    const errors = run.failures ? this.#errorsOf(part, run) : none
    try {
      if (!run.lost) return { text: part.render(run.data ?? {}, meta), errors }
    } catch (error) {
      if (error !== unfit) throw error
    }
    const { text, problems } = completeAnswer(this.#paths(part, run), run.lost, meta, errors)
    const shown = problems.map((problem) => ({
      ...this.#engine.present(problem, 'supergraph', run.context),
      path: problem.path,
    }))
    return { text, errors: [...errors, ...shown] }
  }

  #errorsOf(part: Part, run: Run): readonly GraphQLFormattedError[] {
    return locateFailures(run.failures ?? [], this.#paths(part, run), (error, subgraph) =>
      this.#engine.present(error, subgraph, run.context),
    )
  }

  #paths({ fields }: Part, { data }: Run): Answer {
    return { schema: this.#engine.supergraph.api.graphql, fields, data: data ?? {} }
  }
}

function compilePart(
  operation: Operation,
  switches: Switches,
  fields: readonly ShapeField[],
  engine: Engine,
): Part {
  const schema = operation.schema.graphql
  const part = {
    fields,
    introspect: compileIntrospection(schema, operation, fields),
    render: compileRender(fields, schema),
  }
  const document = plannerDocument(operation, switches, fields)
  const plan = document && engine.plan(document.text)
  if (!plan) return { ...part, source: null, step: null }
  const scope = { ...engine, variables: document.variables, asked: document.asked }
  return operation.definition.operation === 'subscription'
    ? { ...part, ...compileSubscription(plan, scope) }
    : { ...part, source: null, step: compileStep(plan, scope) }
}

const newRun = (variables: Variables, context: unknown): Run => ({
  variables,
  context,
  data: null,
  failures: null,
  lost: null,
})

function responseText({ text, errors }: PartAnswer): string {
  const data = text === null ? 'null' : `{${text}}`
  return errors.length > 0 ? `{"data":${data},"errors":${JSON.stringify(errors)}}` : `{"data":${data}}`
}
