// Tables of name and id, used in both directions: a record is read from fields, and fields are written from a record.

/** What `value` gives for each id of `tags`, under the same names. */
export function lookUp<Name extends string>(
  tags: Readonly<Record<Name, string>>,
  value: (tag: string) => string | null,
): Record<Name, string | null> {
  const record: Record<Name, string | null> = { ...tags }
  for (const name in tags) record[name] = value(tags[name])
  return record
}

/** Id and value of each name of `tags` that `record` has a text for, in the order of `tags`. */
export function listOut<Name extends string>(
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
