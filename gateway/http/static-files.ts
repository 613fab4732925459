// Files that the hub serves from its own disk.

import { readdir } from 'node:fs/promises'
import path from 'node:path'

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.wasm': 'application/wasm',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}

/** The media type of a file, by the end of its name. */
export const contentTypeOf = (name: string): string =>
  contentTypes[path.extname(name)] ?? 'application/octet-stream'

/** The paths of all files below a folder, by their names in a URL. Throws when there is no such folder. */
export async function listFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .map((file) => [path.relative(root, file).split(path.sep).join('/'), file]),
  )
}
