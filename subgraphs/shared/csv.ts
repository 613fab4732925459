// Cells of CSV, per RFC 4180.

/**
 * A cell whose text was supplied by a client or participant. An apostrophe is put before text that a
 * spreadsheet would read as a formula. Source: OWASP, "CSV Injection".
 */
export function csvText(cell: string): string {
  const safe = /^'*[=+\-@\t\r\n]/.test(cell) ? `'${cell}` : cell
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

export const csvLine = (cells: readonly string[]): string => `${cells.join(',')}\r\n`

/** The cells of one record; null when a quote is misplaced. The apostrophe of `csvText` is removed. */
export function csvCells(record: string): readonly string[] | null {
  const cells: string[] = []
  for (let at = 0; ; at++) {
    const quoted = /"((?:[^"]|"")*)"/y
    const plain = /[^",]*/y
    const pattern = record[at] === '"' ? quoted : plain
    pattern.lastIndex = at
    const found = pattern.exec(record)
    if (!found) return null
    const text = pattern === quoted ? found[1]!.replaceAll('""', '"') : found[0]
    cells.push(/^'+[=+\-@\t\r\n]/.test(text) ? text.slice(1) : text)
    at = pattern.lastIndex
    if (at === record.length) return cells
    if (record[at] !== ',') return null
  }
}
