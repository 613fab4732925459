import { isRefusal } from '../../schema/values/problems.ts'

/** The `__resolveType` of a result's union: the type of the refusal, or `name` for what was done. */
export const typeOr =
  (name: string) =>
  (value: object): string =>
    isRefusal(value) ? value.__typename : name
