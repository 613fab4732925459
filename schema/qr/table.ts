// Converts between records and fields, by a table of names and ids.

/** Reads a record from fields: for each name of `tags`, the value of its id. */
export function toRecord<Name extends string>(
  tags: Readonly<Record<Name, string>>,
  value: (tag: string) => string | null,
): Record<Name, string | null> {
  const record: Record<Name, string | null> = { ...tags }
  for (const name in tags) record[name] = value(tags[name])
  return record
}

/** Writes a record as fields: id and value of each name with a text, in the order of `tags`. */
export function toFields<Name extends string>(
  tags: Readonly<Record<Name, string>>,
  record: { readonly [K in NoInfer<Name>]?: string | null | undefined } | null | undefined,
): { tag: string; value: string }[] {
  const list = []
  for (const name in tags) {
    const value = record?.[name]
    if (value) list.push({ tag: tags[name], value })
  }
  return list
}
