import path from 'node:path'

/** The folder of the repository, in which the pages expect a shell. */
export const root = path.resolve(import.meta.dirname, '../..')
