// A span for each call of MongoDB, from the events of the driver. A span has the names of the command and of
// its collection, and how many documents a write has: never a value of a command, a document or an error.

import type { Attributes, Span } from '@opentelemetry/api'
import { MongoServerError, type CommandStartedEvent, type MongoClient } from 'mongodb'
import type { Tracing } from '../tracing.ts'

/** Follows the commands of a client that was made with `monitorCommands`. */
export function traceCommands(client: MongoClient, tracing: Tracing): void {
  /** By the request id of the driver. Only calls within a recorded request have one. */
  const running = new Map<number, Span>()
  client.on('commandStarted', (event) => {
    const collection = collectionOf(event)
    const name = collection === null ? event.commandName : `${event.commandName} ${collection}`
    const span = tracing.begin(name, { attributes: attributesOf(event, collection), isCall: true })
    if (span) running.set(event.requestId, span)
  })
  const end = (requestId: number): Span | undefined => {
    const span = running.get(requestId)
    running.delete(requestId)
    return span
  }
  client.on('commandSucceeded', ({ requestId }) => end(requestId)?.end())
  client.on('commandFailed', ({ requestId, failure }) => {
    const span = end(requestId)
    if (!span) return
    // The message of an error may repeat a value, such as a key that is taken.
    tracing.fail(span, failure instanceof MongoServerError ? String(failure.code) : failure.name)
    span.end()
  })
}

/** The collection of a command; null for one of the database. */
function collectionOf({ command, commandName }: CommandStartedEvent): string | null {
  const collection: unknown = commandName === 'getMore' ? command['collection'] : command[commandName]
  return typeof collection === 'string' ? collection : null
}

/** By OpenTelemetry’s conventions for MongoDB. */
function attributesOf(
  { command, commandName, databaseName, address }: CommandStartedEvent,
  collection: string | null,
): Attributes {
  const documents: unknown = command['documents'] ?? command['updates'] ?? command['deletes']
  const port = address.lastIndexOf(':')
  return {
    'db.system.name': 'mongodb',
    'db.namespace': databaseName,
    'db.operation.name': commandName,
    ...(collection !== null && { 'db.collection.name': collection }),
    ...(Array.isArray(documents) && documents.length > 1 && { 'db.operation.batch.size': documents.length }),
    'server.address': address.slice(0, port),
    'server.port': Number(address.slice(port + 1)),
  }
}
