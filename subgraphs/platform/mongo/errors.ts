// Errors of MongoDB.

import { MongoServerError } from 'mongodb'

/** True for an error of the MongoDB server with this code. */
export const isServerError = (error: unknown, code: number): error is MongoServerError =>
  error instanceof MongoServerError && error.code === code

/**
 * True when a document was not written because a unique index already has its key. Accepts errors of the
 * driver and of a bulk write.
 */
export const isDuplicateKey = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 11_000

/** True when MongoDB cannot be reached or has no primary at the moment. */
export const isOutage = (error: unknown): boolean => error instanceof Error && outage.test(error.name)

/** Names that the driver gives to such errors. */
const outage = /^Mongo(Network|ServerSelection|PoolCleared|PoolClosed|NotConnected|Topology)/
