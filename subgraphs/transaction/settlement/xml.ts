// XML text, escaped. Pure.

/**
 * Escapes text that the hub did not write, cut to `max` characters: ISO 20022 limits the length of each text.
 */
export function escaped(text: string, max = Number.POSITIVE_INFINITY): string {
  const characters = Array.from(text.toWellFormed())
  const cut = characters.length > max ? characters.slice(0, max).join('') : characters.join('')
  return cut.replace(illegal, '\uFFFD').replace(/[&<>"']/g, (character) => entities[character]!)
}

/** `<name attribute="…">content</name>`, or nothing when `content`, which is XML, is empty. */
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
