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
  /** Runs a query or mutation with coerced variables; returns the response, `{"data":…,"errors":[…]}`. */
  execute(variables: Variables, context: unknown): Promise<string>
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

/** The most variants of one operation that are cached. */
const variantBounds = { entriesMax: 16, sizeMax: 32 }

/**
 * Plans and compiles the operation.
 *
 * Each variant is planned when its setting first occurs. So plans, merges and renderers have no conditions;
 * most operations only use one setting. `onCompile` is called whenever a variant has been compiled.
 */
export function prepareOperation(
  operation: Operation,
  engine: Engine,
  onCompile: () => void,
): Prepared | Rejected {
  const { definition } = operation
  const settingOf = compileSettings(operation, engine)
  const variants = new RecentCache<Executable>(variantBounds)
  const compileVariant = (key: string, variant: Variant): Executable | Rejected => {
    try {
      const executable = new Executable(operation, variant, engine)
      variants.set(key, executable, 1)
      onCompile()
      return executable
    } catch (error) {
      engine.report(error)
      return reject('OPERATION_NOT_PLANNED', engineCodes.OPERATION_NOT_PLANNED)
    }
  }
  const only = settingOf ? null : compileVariant('', onlyVariant)
  if (only && 'kind' in only) return only
  const variantFor = (variables: Variables, context: unknown): Executable | Rejected => {
    if (only) return only
    const { key, read } = settingOf!(variables, context)
    return variants.get(key) ?? compileVariant(key, read())
  }

  return {
    kind: 'prepared',
    operation: definition.operation,
    name: definition.name?.value ?? null,
    coerce: engine.hidesNames ? withHiddenNames(compileCoercion(operation)) : compileCoercion(operation),
    cost: compileCost(operation, engine.listSize),
    maxAge: maxAgeOf(operation),
    execute(variables, context) {
      const variant = variantFor(variables, context)
      return 'kind' in variant
        ? Promise.resolve(refusalText(variant.errors))
        : variant.execute(variables, context)
    },
    async subscribe(variables, context) {
      const variant = variantFor(variables, context)
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
