// Reads from a request which variant of an operation it gets.

import type { Variables } from './connection.ts'
import type { Engine } from './executable.ts'
import type { Operation } from './operation.ts'
import type { Overrides } from './plan.ts'
import { noOverrides, type Variant } from './variant.ts'

export interface Setting {
  readonly key: string
  read(): Variant
}

/** Reads the setting of a request; null when the operation has only one. */
export function compileSettings(
  operation: Operation,
  engine: Engine,
): ((variables: Variables, context: unknown) => Setting) | null {
  const { switches, requirements } = operation
  const { labels, percentages } = engine.planner
  const isOverridden = labels.length > 0 || percentages.length > 0
  if (switches.length === 0 && requirements.length === 0 && !isOverridden) return null
  const bits = (values: readonly boolean[]): string => values.map((value) => (value ? '1' : '0')).join('')
  return (variables, context) => {
    const on = switches.map((name) => variables[name] === true)
    const allowed = requirements.length > 0 ? allowedOf(operation, engine, context) : []
    const overrides = isOverridden ? overridesOf(engine, context) : noOverrides
    return {
      key: `${bits(on)} ${bits(allowed)} ${overrides.percentage} ${[...overrides.labels].join()}`,
      read: () => ({
        switches: new Map(switches.map((name, n) => [name, on[n]!])),
        overrides,
        isForbidden: forbidden(operation, allowed),
      }),
    }
  }
}

function allowedOf({ schema, requirements }: Operation, { accessOf }: Engine, context: unknown): boolean[] {
  const access = accessOf(context)
  return requirements.map((index) => schema.access.requirements[index]!(access))
}

function forbidden({ schema, requirements }: Operation, allowed: readonly boolean[]): Variant['isForbidden'] {
  const missing = new Set(requirements.filter((_, n) => !allowed[n]))
  if (missing.size === 0) return null
  return (type, field) => !schema.access.of(type, field).isDisjointFrom(missing)
}

/** Percentages between two thresholds of the supergraph give the same plan: they count as the lower one. */
function overridesOf(
  { planner, overrideLabelsOf, overridePercentageOf }: Engine,
  context: unknown,
): Overrides {
  const percentage = planner.percentages.length > 0 ? overridePercentageOf(context) : 0
  const given = planner.labels.length > 0 ? new Set(overrideLabelsOf(context)) : new Set<string>()
  return {
    labels: new Set(planner.labels.filter((label) => given.has(label))),
    percentage: Math.max(0, ...planner.percentages.filter((threshold) => threshold <= percentage)),
  }
}
