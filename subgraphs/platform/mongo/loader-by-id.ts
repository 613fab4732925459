import type { Collection, Filter, FindOptions } from 'mongodb'
import { createLoader, type BatchOptions, type Loader } from '../async/batching.ts'

interface LoaderOptions extends BatchOptions {
  readonly find?: FindOptions
}

/** Loads documents of `collection` by id, or the values that `read` makes of them. */
export function loaderById<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  options?: LoaderOptions,
): Loader<Doc['_id'], Doc>
export function loaderById<Doc extends { readonly _id: string }, Value>(
  collection: Collection<Doc>,
  options: LoaderOptions & { readonly read: (document: Doc) => Value },
): Loader<Doc['_id'], Value>
export function loaderById<Doc extends { readonly _id: string }>(
  collection: Collection<Doc>,
  options: LoaderOptions & { readonly read?: (document: Doc) => unknown } = {},
): Loader<Doc['_id'], unknown> {
  const { find, read = (document: Doc): unknown => document, ...batch } = options
  return createLoader({
    ...batch,
    load: async (ids: readonly Doc['_id'][], signal) => {
      const found = collection.find<Doc>({ _id: { $in: [...ids] } } as Filter<Doc>, { ...find, signal })
      const byId = new Map((await found.toArray()).map((document) => [document._id, read(document)]))
      return ids.map((id) => byId.get(id) ?? null)
    },
  })
}
