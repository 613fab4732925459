// Sections of Markdown pages that are generated: between `<!-- generated: NAME -->` and `<!-- end -->`.

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

const section = /(<!-- generated: ([\w-]+) -->\n)(?:[^<]|<+[^!<])*(<!-- end -->)/g

/** The page with the tables of its sections. Throws when a section has no table. */
export const withSections = (page: string, tables: Readonly<Record<string, Table>>): string =>
  page.replaceAll(section, (_, start: string, name: string, end: string) => {
    const table = tables[name]
    if (!table) throw new RangeError(`there is no table for the section "${name}"`)
    return `${start}\n${markdownTable(table)}\n\n${end}`
  })

/** A Markdown table with columns of equal width, as prettier formats it. */
function markdownTable({ columns, rows }: Table): string {
  const lines = [columns, ...rows].map((cells) => cells.map(escaped))
  const widths = columns.map((_, n) => Math.max(3, ...lines.map((cells) => cells[n]!.length)))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const padded = lines.map((cells) =>
    line(cells.map((cell, n) => cell + ' '.repeat(widths[n]! - cell.length))),
  )
  return [padded[0], line(widths.map((width) => '-'.repeat(width))), ...padded.slice(1)].join('\n')
}

/** The text of one cell. */
export const escaped = (cell: string): string => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')
