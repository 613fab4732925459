// Reads from a request which variant of an operation it gets.

import type { Access } from './access.ts'
import type { Variables } from './connection.ts'
import type { Engine } from './executable.ts'
import type { Operation } from './operation.ts'
import type { Overrides } from './plan.ts'
import { noOverrides, switchesKey, type Variant } from './variant.ts'

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
  const grants = new WeakMap<Access, Grant>()
  const grantOf = (access: Access): Grant => {
    let grant = grants.get(access)
    if (!grant) grants.set(access, (grant = readGrant(operation, access)))
    return grant
  }
  return (variables, context) => {
    const grant = requirements.length > 0 ? grantOf(engine.accessOf(context)) : noLimit
    const overrides = isOverridden ? overridesOf(engine, context) : noOverrides
    const overrideKey = isOverridden ? ` ${overrides.percentage} ${[...overrides.labels].join()}` : ''
    return {
      key: switchesKey(switches, variables) + grant.key + overrideKey,
      read: () => ({
        switches: new Map(switches.map((name) => [name, variables[name] === true])),
        overrides,
        isForbidden: grant.isForbidden,
        isHidden: grant.isHidden,
      }),
    }
  }
}

/** What one caller may read in one operation. */
interface Grant extends Pick<Variant, 'isForbidden' | 'isHidden'> {
  /** The same for callers that may read the same. */
  readonly key: string
}

const noLimit: Grant = { key: '', isForbidden: null, isHidden: null }

function readGrant({ schema, requirements }: Operation, access: Access): Grant {
  const missing = new Set(requirements.filter((index) => !schema.access.requirements[index]!(access)))
  if (missing.size === 0) return noLimit
  const isForbidden = (type: string, field: string): boolean =>
    !schema.access.of(type, field).isDisjointFrom(missing)
  return access.seesSchema
    ? { key: `${[...missing].join()} sees`, isForbidden, isHidden: null }
    : { key: [...missing].join(), isForbidden, isHidden: { key: [...missing].join(), isForbidden } }
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
