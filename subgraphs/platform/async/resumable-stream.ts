// Streams that say how far they have come, so that whoever leaves one can go on from there in another.

/** Everything up to here has been told. */
export interface Mark {
  /** Grows along a stream, and means the same in all streams of that field: the log's position, or a transaction's sequence. */
  readonly place: number
  /** Resumes after it: the value of the field's own argument, as text. */
  readonly cursor: string
}

/** An item and how far the stream has come with it; null where it has come further without one. */
export interface Marked<Item> {
  readonly item: Item | null
  readonly mark: Mark
}

/** A stream that can be read with its marks or, as any other, without them. */
export interface MarkedStream<Item> extends AsyncIterableIterator<Item, undefined> {
  return(): Promise<IteratorResult<Item, undefined>>
  /** The same stream with marks. It gives one without an item as soon as it has caught up, and while nothing comes. */
  marked(): AsyncIterableIterator<Marked<Item>, undefined>
}
