// XML text, escaped. Pure.

/** Text that comes from outside, at most `max` characters of it: as ISO 20022 has a limit for each of its texts. */
export function escaped(text: string, max = Number.POSITIVE_INFINITY): string {
  const characters = Array.from(text.toWellFormed())
  const cut = characters.length > max ? characters.slice(0, max).join('') : characters.join('')
  return cut.replace(illegal, '\uFFFD').replace(/[&<>"']/g, (character) => entities[character]!)
}

/** `<name attribute="…">content</name>`; `content` is XML, and what has none is left out. */
export function element(name: string, content: string, attributes = ''): string {
  return content === '' ? '' : `<${name}${attributes}>${content}</${name}>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Not a `Char` of XML 1.0, section 2.2, whether escaped or not. */
const illegal = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu
