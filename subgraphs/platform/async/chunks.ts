/** Splits `items` into arrays of `size` items, in order; the last one may be shorter. */
export function chunks<Item>(items: Iterable<Item>, size: number): Iterable<Item[]>
export function chunks<Item>(items: AsyncIterable<Item>, size: number): AsyncIterable<Item[]>
export function chunks<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  size: number,
): Iterable<Item[]> | AsyncIterable<Item[]>
export function chunks<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  size: number,
): Iterable<Item[]> | AsyncIterable<Item[]> {
  return Symbol.asyncIterator in items ? chunksOfStream(items, size) : chunksOfList(items, size)
}

function* chunksOfList<Item>(items: Iterable<Item>, size: number): Iterable<Item[]> {
  let chunk: Item[] = []
  for (const item of items) {
    chunk.push(item)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

async function* chunksOfStream<Item>(items: AsyncIterable<Item>, size: number): AsyncIterable<Item[]> {
  let chunk: Item[] = []
  for await (const item of items) {
    chunk.push(item)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}
