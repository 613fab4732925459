import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('every dependency has a line in its page', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >
  const page = read('docs/decisions/dependencies.md')
  const names = [...Object.keys(dependencies), ...Object.keys(devDependencies)]
  const without = names.filter((name) => !name.startsWith('@types/') && !page.includes(`\`${name}\``))
  expect(without).toEqual([])
})
