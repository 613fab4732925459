// The migrations by which a database of an earlier release reaches the stored forms of this one, in
// order. A migration is added by the change of a stored form, and stays. docs/operating.md has how two
// releases share a change.

import type { Migration } from '../../subgraphs/platform/mongo/schema-version.ts'
import { numberCustomerDays } from '../../subgraphs/transaction/import.ts'

/** Version 1 is the baseline: every database that has no version is of it. */
export const migrations: readonly Migration[] = [
  {
    version: 2,
    what: 'number the payments of each customer’s day',
    // A hub of version 1 would not count the payments of this one.
    oldestHub: 2,
    run: ({ db }) => numberCustomerDays(db),
  },
]
