// The variants of an operation. Each setting of what differs between requests (`@skip` and `@include`, what
// the caller may read, `@override` with a label) gets its own plan, so that plans have no conditions.

import type { Hidden } from './access.ts'
import type { Variables } from './connection.ts'
import type { Switches } from './operation.ts'
import type { Overrides } from './plan.ts'

export interface Variant {
  readonly switches: Switches
  readonly overrides: Overrides
  /** Whether the caller may not read a field; null when the caller may read all fields. */
  readonly isForbidden: ((type: string, field: string) => boolean) | null
  /** What introspection does not show; null when it shows all fields. */
  readonly isHidden: Hidden | null
}

export const noOverrides: Overrides = { labels: new Set(), percentage: 0 }

/** The values of the switches of an operation, as text: a digit for each. */
export function switchesKey(switches: readonly string[], variables: Variables): string {
  let key = ''
  for (const name of switches) key += variables[name] === true ? '1' : '0'
  return key
}

/** The variant of an operation that has only one. */
export const onlyVariant: Variant = {
  switches: new Map(),
  overrides: noOverrides,
  isForbidden: null,
  isHidden: null,
}
