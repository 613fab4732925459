/**
 * Something that the work needs is away, too slow, or has too much to do: the same work may succeed soon.
 * `isOutage` in `mongo/errors.ts` includes the errors of the driver and of the network.
 */
export class OutageError extends Error {
  override readonly name = 'OutageError'
}
