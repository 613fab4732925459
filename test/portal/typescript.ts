// A program as a developer has it after pasting: checked by the compiler, then run by Node.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'

/**
 * Compiles and runs a text that leaves `data` and `errors`; returns what the compiler found, and both. The
 * hub that the text calls may be in this process.
 */
export async function runTypeScript(text: string): Promise<{ errors: string[]; output: unknown }> {
  const folder = mkdtempSync(`${tmpdir()}/copied-`)
  const file = `${folder}/copied.mts`
  try {
    writeFileSync(file, `${text}\nconsole.log(JSON.stringify({ data, errors }))\n`)
    const program = ts.createProgram([file], {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2023.d.ts'],
      types: ['node'],
      typeRoots: [fileURLToPath(new URL('../../node_modules/@types', import.meta.url))],
    })
    const errors = ts
      .getPreEmitDiagnostics(program)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    const { stdout } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 })
    return { errors, output: JSON.parse(stdout) as unknown }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
