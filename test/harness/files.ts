import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const top = fileURLToPath(new URL('../..', import.meta.url))
const ignored = new Set(['node_modules', '.git', '.data', 'coverage'])

/** Paths from the top of the repository, with `/`, of all files that are, or would be, committed. */
export const files: readonly string[] = filesBelow('')

export const read = (file: string): string => readFileSync(top + file, 'utf8')

function filesBelow(folder: string): string[] {
  return readdirSync(top + folder, { withFileTypes: true })
    .filter(({ name }) => !ignored.has(name))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(`${folder}${entry.name}/`) : [folder + entry.name]))
}
