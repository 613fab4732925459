// A client's document, ready to be run any number of times.

import { MappedStream } from './mapped-stream.ts'
import type { Variables } from './connection.ts'
import { refusalText } from './errors.ts'
import { Executable, newRun, type Engine } from './executable.ts'
import { Lru } from './lru.ts'
import type { Operation } from './operation.ts'
import { compileCoercion, type Coerced } from './variables.ts'

export interface Prepared {
  kind: 'prepared'
  readonly operation: 'query' | 'mutation' | 'subscription'
  /** Coerces variables as graphql-js does. Errors have the code BAD_USER_INPUT. */
  coerce(variables: unknown): Coerced
  /** Runs a query or mutation with coerced variables; gives the whole response, `{"data":…,"errors":[…]}`. */
  execute(variables: Variables, context: unknown): Promise<string>
  /**
   * Runs a subscription: the source streams, and for each of its events the rest of the plan is run once. The stream
   * rejects with whatever the source threw, and can be left at any time. A refusal is an error response.
   */
  subscribe(
    variables: Variables,
    context: unknown,
  ): Promise<AsyncIterableIterator<string> | { errorResponse: string }>
}

/** Settings of the switches that a document is kept compiled for. */
const variantsMax = 16

/**
 * Plans the operation. One whose `@skip` and `@include` depend on variables is planned anew for each setting of these,
 * when it first occurs: no plan, merge or renderer then knows of conditions, and most documents only ever see one.
 * Throws when the operation cannot be planned.
 */
export function prepareOperation(operation: Operation, engine: Engine): Prepared {
  const { schema, definition, switches } = operation
  const variants = new Lru<Executable>(variantsMax)
  const compile = (setting: string): Executable => {
    const values = new Map(switches.map((name, n) => [name, setting[n] === '1']))
    const executable = new Executable(operation, values, engine)
    variants.set(setting, executable)
    return executable
  }
  const only = switches.length === 0 ? compile('') : null
  const variantFor = (variables: Variables): Executable => {
    if (only) return only
    const setting = switches.map((name) => (variables[name] === true ? '1' : '0')).join('')
    return variants.get(setting) ?? compile(setting)
  }

  return {
    kind: 'prepared',
    operation: definition.operation,
    coerce: compileCoercion(schema.graphql, definition, switches),
    execute: (variables, context) => variantFor(variables).execute(variables, context),
    subscribe: (variables, context) => subscribe(variantFor(variables), variables, context),
  }
}

async function subscribe(
  executable: Executable,
  variables: Variables,
  context: unknown,
): Promise<AsyncIterableIterator<string> | { errorResponse: string }> {
  const { source } = executable
  if (!source) throw new TypeError('only a subscription can be subscribed to')
  const opened = await source.open(variables, context)
  if (Symbol.asyncIterator in opened) {
    return new MappedStream(opened, (event) => {
      const run = newRun(variables, context)
      source.absorb(run, event)
      return executable.executeEvent(run)
    })
  }
  const run = newRun(variables, context)
  source.absorb(run, { ...opened, data: null })
  return { errorResponse: refusalText(executable.errorsOf(run)) }
}
