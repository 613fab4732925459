// A program as a developer has it after pasting: checked by the compiler, then run by Node.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Compiles and runs a text that leaves `data` and `errors`; returns what the compiler found, and both. */
export function runTypeScript(text: string): { errors: string[]; output: unknown } {
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
    const output: unknown = JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' }))
    return { errors, output }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
