// Resumable streams: every item carries the position to resume from.

/** A value and its position in an ordered stream; `position` is null where the stream cannot be resumed. */
export interface Positioned<Value, At = StreamPosition | null> {
  readonly value: Value
  readonly position: At
}

/** Everything up to here has been delivered. */
export interface StreamPosition {
  /** Grows along a stream, and means the same in all streams of that field: the log's position, or a transaction's sequence. */
  readonly ordinal: number
  /** Resumes after it: the value of the field's own argument, as text. */
  readonly cursor: string
}

/** A stream that can be read with positions or, as any other, without them. */
export interface ResumableStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
  /**
   * The same stream with positions. It gives a position with a null value as soon as it has caught up, and at intervals
   * while no item comes.
   */
  positioned(): AsyncIterableIterator<Positioned<Item | null, StreamPosition>, undefined>
}
