// A client's operation, prepared once and run for any number of requests.

import type { Variables } from './connection.ts'
import { maxAgeOf } from './cache-policy.ts'
import { compileCost } from './cost.ts'
import { engineCodes, refusalText, reject, type Rejected } from './errors.ts'
import { withoutNames } from './hidden-names.ts'
import { Executable, type Engine, type SubscriptionEvent } from './executable.ts'
import type { Operation } from './operation.ts'
import { RecentCache } from './recent-cache.ts'
import { compileSettings } from './settings.ts'
import { compileCoercion, type Coerced } from './variables.ts'
import { onlyVariant, type Variant } from './variant.ts'
import { counted, deadlineOf, loopTimeOf, type LoopTime } from './waiting.ts'

export interface Prepared {
  kind: 'prepared'
  readonly operation: 'query' | 'mutation' | 'subscription'
  /** The name of the operation; null when it has none. */
  readonly name: string | null
  /** Coerces variables as graphql-js does. Errors have the code BAD_USER_INPUT. */
  coerce(variables: unknown): Coerced
  /** What the operation costs with coerced variables; see `cost.ts`. */
  cost(variables: Variables): number
  /** Seconds for which the response may be kept, the same for every caller; see `cache-policy.ts`. */
  readonly maxAge: number
  /**
   * Resolves when the operation is planned, if it has one variant. Others are planned when their setting
   * first occurs.
   */
  ready(): Promise<void>
  /**
   * Runs a query or mutation with coerced variables; returns the response, `{"data":…,"errors":[…]}`, in
   * UTF-8: as a promise only where planning or a subgraph takes time.
   */
  execute(variables: Variables, context: unknown): Buffer | Promise<Buffer>
  /**
   * Runs a subscription: for each event of the source stream, the rest of the plan is run once, or
   * again after an outage of a subgraph. The stream rejects with the error of the source or an `EventOutage`,
   * and can be closed at any time. A refused subscription gives an error response.
   */
  subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<SubscriptionEvent> | { errorResponse: string }>
}

const notInTime = (): Rejected =>
  reject('OPERATION_NOT_PLANNED', 'The operation was not planned in time: send it again, or simplify it.')

/** The most variants of one operation that are cached. */
const variantBounds = { entriesMax: 16, sizeMax: 32 }

/**
 * Prepares the operation.
 *
 * Each variant is planned when its setting first occurs, in another thread. So plans, merges and renderers
 * have no conditions; most operations only use one setting. An operation that cannot be planned gives
 * OPERATION_NOT_PLANNED when it is run. `onCompile` is called whenever a variant has been compiled.
 */
export function prepareOperation(operation: Operation, engine: Engine, onCompile: () => void): Prepared {
  const { definition } = operation
  const settingOf = compileSettings(operation, engine)
  const variants = new RecentCache<Executable>(variantBounds)
  /** Requests of the same variant wait for one plan. */
  const compiling = new Map<string, Promise<Executable | Rejected>>()
  const compile = async (
    key: string,
    variant: Variant,
    loopTime: LoopTime | null,
  ): Promise<Executable | Rejected> => {
    try {
      const run = () => Executable.compile(operation, variant, engine, loopTime)
      const executable = await (engine.observer ? engine.observer.plan(run) : run())
      variants.set(key, executable, 1)
      onCompile()
      return executable
    } catch (error) {
      engine.report(error)
      return reject('OPERATION_NOT_PLANNED', engineCodes.OPERATION_NOT_PLANNED)
    } finally {
      compiling.delete(key)
    }
  }
  const compileVariant = (
    key: string,
    variant: Variant,
    context: unknown,
  ): Promise<Executable | Rejected> => {
    let result = compiling.get(key)
    if (!result) compiling.set(key, (result = compile(key, variant, loopTimeOf(context))))
    return result
  }
  const variantFor = (
    variables: Variables,
    context: unknown,
  ): Executable | Promise<Executable | Rejected> => {
    if (!settingOf) return variants.get('') ?? compileVariant('', onlyVariant, context)
    const { key, read } = settingOf(variables, context)
    return variants.get(key) ?? compileVariant(key, read(), context)
  }

  return {
    kind: 'prepared',
    operation: definition.operation,
    name: definition.name?.value ?? null,
    coerce: engine.hidesNames ? withHiddenNames(compileCoercion(operation)) : compileCoercion(operation),
    cost: compileCost(operation, engine.listSize),
    maxAge: maxAgeOf(operation),
    async ready() {
      if (!settingOf) await variantFor({}, null)
    },
    execute(variables, context) {
      const variant = variantFor(variables, context)
      if (!(variant instanceof Promise)) return variant.execute(variables, context)
      const planning = deadlineOf(context)?.race(variant, notInTime) ?? variant
      return planning.then((planned) =>
        'kind' in planned
          ? Buffer.from(refusalText(planned.errors))
          : counted(loopTimeOf(context), () => planned.execute(variables, context)),
      )
    },
    async subscribe(variables, context) {
      const variant = await variantFor(variables, context)
      return 'kind' in variant
        ? { errorResponse: refusalText(variant.errors) }
        : variant.subscribe(variables, context)
    },
  }
}

const withHiddenNames =
  (coerce: Prepared['coerce']): Prepared['coerce'] =>
  (variables) => {
    const coerced = coerce(variables)
    if (!('errors' in coerced)) return coerced
    const errors = coerced.errors.map((error) => ({ ...error, message: withoutNames(error.message) }))
    return { errors }
  }
