/**
 * JSON with the members of every object in order of their names, so that equal values have equal texts. A
 * `Date` becomes text as RFC 3339, a bigint its digits, and a `Set` the list of its values in order of their
 * texts. A member that is undefined is left out; with `omitNull`, so is one that is null.
 */
export function canonicalJson(value: unknown, options: { readonly omitNull?: boolean } = {}): string {
  const { omitNull = false } = options
  const write = (part: unknown): string => {
    if (typeof part === 'bigint') return String(part)
    if (Array.isArray(part)) return `[${part.map(write).join(',')}]`
    if (part instanceof Set) return `[${[...part].map(write).toSorted().join(',')}]`
    if (typeof part !== 'object' || part === null || part instanceof Date)
      return JSON.stringify(part) ?? 'null'
    const members = Object.entries(part)
      .filter(([, member]) => member !== undefined && !(omitNull && member === null))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`).join(',')}}`
  }
  return write(value)
}
