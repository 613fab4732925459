// Resumable streams: every item carries the position to resume from.

/** A value and its position in an ordered stream; the position is null where the stream cannot be resumed. */
export interface Positioned<Value, At = StreamPosition | null> {
  readonly value: Value
  readonly position: At
}

/** Every item up to this position has been delivered. */
export interface StreamPosition {
  /**
   * Grows along a stream, and is comparable between all streams of one field: a position of the log, or the
   * sequence within a transaction.
   */
  readonly ordinal: number
  /** Resumes the stream after this position, as the text of the field's `after` argument. */
  readonly cursor: string
}

/** A stream that can be read with positions or without them. */
export interface ResumableStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
  /**
   * Returns the same stream with positions. A position with a null value comes as soon as the stream has
   * caught up, and at intervals while there is no item.
   */
  positioned(): AsyncIterableIterator<Positioned<Item | null, StreamPosition>, undefined>
}
