// Removes names of the schema that a client did not send from the messages of validation and coercion.

/** The message without the names that it suggests. */
export function withoutSuggestion(message: string): string {
  const at = message.indexOf(' Did you mean ')
  return at >= 0 && message.endsWith('?') ? message.slice(0, at) : message
}

/**
 * The message without any name that the document does not have: suggestions, types, and the arguments and
 * input fields that it lacks.
 */
export const withoutNames = (message: string): string =>
  withoutSuggestion(message)
    .replace(
      / argument "\w+" of type "[^"]*" is required, but it was not provided/,
      ' lacks a required argument',
    )
    .replace(/Field "[\w.]+" of required type "[^"]*" was not provided/, 'A required field was not provided')
    .replace(/ (?:on|of|by|of required) type "[^"]*"/g, '')
    .replace(/ in "\w+" enum|(?<=^Enum) "\w+"/, '')
