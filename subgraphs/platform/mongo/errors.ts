// Errors of MongoDB, and what an outage is.

import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoClientClosedError,
  MongoOperationTimeoutError,
} from 'mongodb'
import { OutageError } from '../async/outage.ts'

/** True for an error of the MongoDB server with this code. */
export const isServerError = (error: unknown, code: number): error is MongoServerError =>
  error instanceof MongoServerError && error.code === code

/**
 * True when a document was not written because a unique index already has its key. Accepts errors of the
 * driver and of a bulk write.
 */
export const isDuplicateKey = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 11_000

/**
 * True when something that the hub needs is away, too slow or overloaded, so that the same request may
 * succeed soon: MongoDB, the network, or a subgraph. False for a mistake of the client or of the code.
 *
 * An error is known by what it is or by what caused it: its class, the labels and codes of MongoDB, the codes
 * of Node's network, the code of the engine. Messages are not read.
 */
export function isOutage(error: unknown): boolean {
  return isOutageWithin(error, 8)
}

function isOutageWithin(error: unknown, depth: number): boolean {
  if (typeof error !== 'object' || error === null || depth === 0) return false
  if (Array.isArray(error)) return error.some((one) => isOutageWithin(one, depth - 1))
  if (isOutageItself(error)) return true
  // GraphQL wraps what a resolver throws as `originalError`.
  const { cause, originalError, errors } = error as {
    cause?: unknown
    originalError?: unknown
    errors?: unknown
  }
  return [cause, originalError, errors].some((inner) => isOutageWithin(inner, depth - 1))
}

function isOutageItself(error: object): boolean {
  if (error instanceof OutageError) return true
  if (outageClasses.some((one) => error instanceof one)) return true
  if (error instanceof MongoError && outageLabels.some((label) => error.hasErrorLabel(label))) return true
  const { name, code, extensions } = error as {
    name?: unknown
    code?: unknown
    extensions?: { code?: unknown }
  }
  // The driver gives this class to a bulk write that the network broke, and drops the class of its error.
  if (error instanceof MongoBulkWriteError && code === undefined)
    return [error.writeErrors].flat().length === 0
  if (error instanceof MongoServerError) return serverCodes.has(Number(code))
  return outageNames.has(name) || networkCodes.has(code) || graphCodes.has(extensions?.code)
}

const outageClasses = [
  MongoNetworkError,
  MongoServerSelectionError,
  MongoOperationTimeoutError,
  MongoNotConnectedError,
  MongoServerClosedError,
  MongoTopologyClosedError,
  MongoClientClosedError,
] as const

/** Errors of the driver’s connection pool, whose classes it does not export. */
const outageNames: ReadonlySet<unknown> = new Set(['MongoWaitQueueTimeoutError', 'MongoPoolClosedError'])

/** Source: the specifications of MongoDB’s drivers. */
const outageLabels = [
  'RetryableWriteError',
  'RetryableError',
  'SystemOverloadedError',
  'TransientTransactionError',
  'UnknownTransactionCommitResult',
  'ResumableChangeStreamError',
  'ResetPool',
] as const

/** Source: `error_codes.yml` of MongoDB. */
const serverCodes: ReadonlySet<number> = new Set([
  6, // HostUnreachable
  7, // HostNotFound
  24, // LockTimeout
  43, // CursorNotFound, after a failover
  46, // LockBusy
  50, // MaxTimeMSExpired
  64, // WriteConcernTimeout
  79, // UnknownReplWriteConcern
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  175, // QueryPlanKilled
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  234, // RetryChangeStream
  237, // CursorKilled
  251, // NoSuchTransaction, after a failover
  262, // ExceededTimeLimit
  290, // TransactionExceededLifetimeLimitSeconds
  9001, // SocketException
  10_058, // LegacyNotPrimary
  10_107, // NotWritablePrimary
  11_600, // InterruptedAtShutdown
  11_601, // Interrupted
  11_602, // InterruptedDueToReplStateChange
  13_435, // NotPrimaryNoSecondaryOk
  13_436, // NotPrimaryOrSecondary
  14_031, // OutOfDiskSpace
])

const networkCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
])

const graphCodes: ReadonlySet<unknown> = new Set(['UNAVAILABLE', 'SUBGRAPH_UNAVAILABLE'])
