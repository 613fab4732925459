// An operation with one setting of its switches: plans and compiles it, and runs it.

import type { GraphQLFormattedError } from 'graphql'
import type { AccessOf } from './access.ts'
import { completeResponse } from './complete.ts'
import { StreamFailure, type ResolveEvent, type SubgraphConnection, type Variables } from './connection.ts'
import { coded, refusalText } from './errors.ts'
import {
  invalidResponse,
  locateFailures,
  type Located,
  type PresentError,
  type ResponseTree,
} from './failures.ts'
import { forbiddenFields } from './forbidden-fields.ts'
import { compileIntrospection } from './introspection.ts'
import { constant, put, take } from './json-bytes.ts'
import type { Operation } from './operation.ts'
import type { Planner } from './plan.ts'
import { plannerDocument } from './planner-document.ts'
import { providersOf, type Providers } from './providers.ts'
import { compileRender, unfit, type Render } from './render.ts'
import type { Run, Step } from './run.ts'
import { rootShape, type ShapeField } from './shape.ts'
import { compileStep, compileSubscription, type SubscriptionSource } from './steps.ts'
import { mapStream, type Positioned } from './stream.ts'
import type { SupergraphSchema } from './supergraph-schema.ts'
import type { Variant } from './variant.ts'
import { counted, deadlineOf, loopTimeOf, pacedRetry, type LoopTime } from './waiting.ts'

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
  /** See `SupergraphOptions.onForbidden`. */
  readonly onForbidden: (context: unknown, fields: ReadonlySet<string>) => void
  /** The most errors of a response. */
  readonly errorsMax: number
  /** Receives the planner's error for an operation that cannot be planned. */
  readonly report: (error: unknown) => void
  /** See `SupergraphOptions.listSize`. */
  readonly listSize: number
  /** See `SupergraphOptions.eventWaitMs`. */
  readonly eventWaitMs: number
  /** Whether errors of variables have only names that the client has sent. */
  readonly hidesNames: boolean
  /** See `SupergraphOptions.observer`. */
  readonly observer: Observer | null
}

/** Runs parts of the engine’s work, for instance each in a span of a trace. */
export interface Observer {
  /** Runs the planning and compiling of an operation, which happens once for many requests. */
  plan<Value>(run: () => Value): Value
  /** Runs the join of one event of a subscription. */
  event<Value>(operationName: string | null, run: () => Promise<Value>): Promise<Value>
}

/** Ends a stream of events: its subgraph ended it, or an event could not be joined. */
export class EventOutage extends Error {
  override readonly name = 'EventOutage'
  /** A response without data, as JSON text: the errors of the last attempt. */
  readonly errorResponse: string

  constructor(errors: readonly GraphQLFormattedError[]) {
    super('a stream of events ended because of a subgraph')
    this.errorResponse = refusalText(errors.map(({ path: _, ...error }) => error))
  }
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
  /** Which subgraph a field was requested from, for errors. */
  readonly providers: () => Providers
}

/**
 * The response of one stage: its fields as JSON without braces, or null where a null propagated to the root.
 */
interface StageResponse {
  readonly text: string | null
  readonly errors: readonly GraphQLFormattedError[]
  /** How many more errors there are. */
  readonly omitted: number
}

const noErrors: Located = { errors: [], omitted: 0 }

interface EventJoin {
  readonly stage: Stage
  readonly source: SubscriptionSource
  readonly resolve: ResolveEvent
  readonly startRun: () => Run
}

export class Executable {
  readonly #engine: Engine
  readonly #stages: readonly Stage[]
  readonly #name: string | null

  private constructor(engine: Engine, stages: readonly Stage[], name: string | null) {
    this.#engine = engine
    this.#stages = stages
    this.#name = name
  }

  /** Plans and compiles the operation, which counts as `loopTime`. Rejects when it cannot be planned. */
  static async compile(
    operation: Operation,
    variant: Variant,
    engine: Engine,
    loopTime: LoopTime | null,
  ): Promise<Executable> {
    const root = rootShape(operation, variant)
    const fields = root.fieldsOf(root.type)
    const groups = operation.definition.operation === 'mutation' ? fields.map((field) => [field]) : [fields]
    const stages = groups.map((group) => compileStage(operation, variant, group, engine, loopTime))
    return new Executable(engine, await Promise.all(stages), operation.definition.name?.value ?? null)
  }

  /** Runs a query or mutation; returns the response as JSON. */
  execute(variables: Variables, context: unknown): Buffer | Promise<Buffer> {
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
      const run = newRun(variables, context)
      const { errors } = stage?.hasForbidden ? this.#errorsOf(stage, run) : noErrors
      if (errors.length > 0) return { errorResponse: refusalText(errors) }
      const message = 'The subscription has no field: @skip or @include removed it.'
      return { errorResponse: refusalText([coded('BAD_USER_INPUT', message)]) }
    }
    const { observer } = this.#engine
    const opened = await source.open(variables, context)
    if (Symbol.asyncIterator in opened) {
      const startRun = () => newRun(variables, context)
      return mapStream(
        opened,
        async ({ value: resolve, position }, left): Promise<SubscriptionEvent> => {
          if (!resolve) return { value: null, position }
          const join = () => this.#joinEvent({ stage, source, resolve, startRun }, left)
          const value = await (observer ? observer.event(this.#name, join) : join())
          return { value, position }
        },
        (error) => this.#endOfStream(error, source.subgraph, context),
      )
    }
    const run = newRun(variables, context)
    source.absorb(run, { ...opened, data: null })
    return { errorResponse: refusalText(allErrors(this.#errorsOf(stage, run))) }
  }

  /** The error that a client receives for one of its stream's source. */
  #endOfStream(error: unknown, subgraph: string, context: unknown): unknown {
    if (!(error instanceof StreamFailure)) return error
    return new EventOutage(error.errors.map((one) => this.#engine.present(one, subgraph, context)))
  }

  #executeStage(stage: Stage, run: Run): Buffer | Promise<Buffer> {
    const waiting = stage.step?.(run)
    return waiting
      ? waiting.then(() => counted(run.loopTime, () => this.#responseOf(stage, run)))
      : this.#responseOf(stage, run)
  }

  /** The response of the only stage. One without errors is rendered as a whole, and never is a text. */
  #responseOf(stage: Stage, run: Run): Buffer {
    const mayHaveErrors = run.failures !== null || stage.hasForbidden
    const end = mayHaveErrors ? null : rendered(stage, run, metaOf(stage, run), put(dataStart, 0))
    return end === null ? Buffer.from(responseText(this.#respond(stage, run))) : take(put(dataEnd, end))
  }

  /**
   * Joins an event, and again after each outage of a subgraph: a client that received the event without its
   * data would not receive it again. Throws `EventOutage` when the outage lasts too long.
   */
  async #joinEvent({ stage, source, resolve, startRun }: EventJoin, left: AbortSignal): Promise<string> {
    const retry = pacedRetry(this.#engine.eventWaitMs, left)
    for (;;) {
      const run = startRun()
      source.absorb(run, await resolve())
      await stage.step?.(run)
      const response = this.#respond(stage, run)
      const outages = response.errors.filter(isOutage)
      if (outages.length === 0) return this.#eventText(stage, run, response)
      if (!(await retry())) throw new EventOutage(outages)
    }
  }

  /**
   * Where a null propagated to the root, `extensions.partial` has the data with the null where it arose, so
   * that the client receives which event it was.
   */
  #eventText(stage: Stage, run: Run, response: StageResponse): string {
    if (response.text !== null) return responseText(response)
    const { errors } = response
    const tree = this.#treeOf(stage, run)
    const { text } = completeResponse(tree, run, null, errors, 0, { keepsNulls: true })
    return `{"data":null,"errors":${JSON.stringify(errors)},"extensions":{"partial":{${text}}}}`
  }

  async #executeSerially(variables: Variables, context: unknown): Promise<Buffer> {
    const texts: string[] = []
    const errors: GraphQLFormattedError[] = []
    let omitted = 0
    for (const stage of this.#stages) {
      const run = newRun(variables, context)
      await counted(run.loopTime, () => stage.step?.(run))
      const response = counted(run.loopTime, () => this.#respond(stage, run))
      const shown = response.errors.slice(0, this.#engine.errorsMax - errors.length)
      errors.push(...shown)
      omitted += response.omitted + response.errors.length - shown.length
      // As in graphql-js, a null that propagates to the root stops the fields after it.
      if (response.text === null) return Buffer.from(responseText({ text: null, errors, omitted }))
      texts.push(response.text)
    }
    return Buffer.from(responseText({ text: texts.join(), errors, omitted }))
  }

  #respond(stage: Stage, run: Run): StageResponse {
    const meta = metaOf(stage, run)
    const located = run.failures || stage.hasForbidden ? this.#errorsOf(stage, run) : noErrors
    const end = rendered(stage, run, meta, 0)
    if (end !== null) return { text: take(end).toString(), ...located }
    const { errors } = located
    const max = this.#engine.errorsMax - errors.length
    const { text, fieldErrors, omitted } = completeResponse(this.#treeOf(stage, run), run, meta, errors, max)
    const presented = fieldErrors.map((error) => {
      const { path, message, invalid } = error
      const subgraph = invalid && stage.providers().get(invalid.join('/'))
      const cause = invalid ? invalidResponse(subgraph, message) : error
      return { ...this.#engine.present(cause, subgraph ?? 'supergraph', run.context), path }
    })
    return { text, errors: [...errors, ...presented], omitted: located.omitted + omitted }
  }

  #errorsOf(stage: Stage, run: Run): Located {
    const tree = this.#treeOf(stage, run)
    const { errorsMax } = this.#engine
    const forbidden = stage.hasForbidden ? this.#forbiddenIn(tree, run) : noErrors
    const located = locateFailures(
      run.failures ?? [],
      tree,
      (error, subgraph) => this.#engine.present(error, subgraph, run.context),
      errorsMax - forbidden.errors.length,
    )
    return {
      errors: [...forbidden.errors, ...located.errors],
      omitted: forbidden.omitted + located.omitted,
    }
  }

  #forbiddenIn(tree: ResponseTree, { context }: Run): Located {
    const forbidden = forbiddenFields(tree, this.#engine.errorsMax)
    if (forbidden.names.size > 0) this.#engine.onForbidden(context, forbidden.names)
    return forbidden
  }

  #treeOf({ fields }: Stage, { data }: Run): ResponseTree {
    return { schema: this.#engine.supergraph.api.graphql, fields, data: data ?? {} }
  }
}

async function compileStage(
  operation: Operation,
  variant: Variant,
  fields: readonly ShapeField[],
  engine: Engine,
  loopTime: LoopTime | null,
): Promise<Stage> {
  const schema = operation.schema.graphql
  const shown = variant.isHidden ? operation.schema.shownWithout(variant.isHidden) : schema
  const stage = {
    fields,
    hasForbidden: variant.isForbidden !== null,
    introspect: compileIntrospection(shown, operation, fields),
    render: compileRender(fields, schema),
  }
  const document = plannerDocument(operation, variant, fields)
  const plan = document && (await engine.planner.plan(document.text, variant.overrides))
  if (!plan) return { ...stage, source: null, step: null, providers: () => new Map() }
  let known: Providers | undefined
  const providers = (): Providers => (known ??= providersOf(plan))
  const { variables, constants, wantedFields } = document
  const operationName = operation.definition.name?.value ?? null
  const scope = { ...engine, operationName, variables, constants, wantedFields }
  return counted(loopTime, () =>
    operation.definition.operation === 'subscription'
      ? { ...stage, providers, ...compileSubscription(plan, scope) }
      : { ...stage, providers, source: null, step: compileStep(plan, scope) },
  )
}

const newRun = (variables: Variables, context: unknown): Run => ({
  variables,
  context,
  deadline: deadlineOf(context),
  loopTime: loopTimeOf(context),
  data: null,
  failures: null,
  lost: null,
  unknown: null,
  unknownRoots: null,
})

const isOutage = ({ extensions }: GraphQLFormattedError): boolean => outageCodes.has(extensions?.['code'])

/** Codes of errors that another attempt may not have. */
const outageCodes: ReadonlySet<unknown> = new Set(['UNAVAILABLE', 'SUBGRAPH_UNAVAILABLE'])

const dataStart = constant('{"data":{')
const dataEnd = constant('}}')

const metaOf = ({ introspect }: Stage, { variables }: Run) => (introspect ? introspect(variables) : null)

/**
 * Renders the fields of a stage at the offset `at`; returns the offset after them, or null where the data
 * does not fit the schema.
 */
function rendered(
  stage: Stage,
  { data, lost }: Run,
  meta: ReturnType<typeof metaOf>,
  at: number,
): number | null {
  if (lost) return null
  try {
    return stage.render(data ?? {}, meta, at)
  } catch (error) {
    if (error !== unfit) throw error
    return null
  }
}

function responseText({ text, errors, omitted }: StageResponse): string {
  const data = text === null ? 'null' : `{${text}}`
  return errors.length > 0
    ? `{"data":${data},"errors":${JSON.stringify(allErrors({ errors, omitted }))}}`
    : `{"data":${data}}`
}

/** The errors, and one that counts those that are left out. */
function allErrors({ errors, omitted }: Located): readonly GraphQLFormattedError[] {
  if (omitted === 0) return errors
  const message = `${omitted} more ${omitted === 1 ? 'error is' : 'errors are'} left out.`
  return [...errors, { message, extensions: { code: 'ERRORS_OMITTED', count: omitted } }]
}
