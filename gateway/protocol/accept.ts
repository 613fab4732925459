// Reads the Accept header: the media type of a response per GraphQL over HTTP, and whether a stream of events
// is accepted.

/** The two media types differ in what the status code means. */
export type MediaType = 'application/graphql-response+json' | 'application/json'

const response = 'application/graphql-response+json'
const json = 'application/json'

/** Values for the header `content-type`. */
export const contentTypes: Readonly<Record<MediaType, string>> = {
  'application/graphql-response+json': 'application/graphql-response+json; charset=utf-8',
  'application/json': 'application/json; charset=utf-8',
}

/**
 * The media type to respond with; null when the client accepts neither. At equal weight the newer one takes
 * precedence over `application/json`. A client that leaves the choice open (`*` or no header) gets the older
 * one.
 *
 * Source: GraphQL over HTTP, "Media Types" and "Legacy Watershed"; weights as in RFC 9110, 12.5.1.
 */
export function negotiate(accept: string | undefined): MediaType | null {
  if (accept === undefined || accept === '' || accept === '*/*' || accept === json) return json
  if (accept === response) return response
  let best: MediaType | null = null
  let bestWeight = 0
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    const type = typeOf(name)
    const weight = weightOf(parameters)
    if (type && (weight > bestWeight || (weight === bestWeight && weight > 0 && type === response))) {
      best = type
      bestWeight = weight
    }
  }
  return best
}

/** Whether the client lists the media type of server-sent events. */
export const acceptsEventStream = (accept: string | undefined): boolean =>
  accept !== undefined && /(^|[,\s])text\/event-stream\s*($|[,;])/i.test(accept)

function typeOf(range: string): MediaType | null {
  if (range === response) return response
  return range === json || range === 'application/*' || range === '*/*' ? json : null
}

function weightOf(parameters: readonly string[]): number {
  if (parameters.some((parameter) => /^charset=(?!"?utf-?8"?$)/.test(parameter))) return 0
  const q = parameters.find((parameter) => parameter.startsWith('q='))
  const weight = q === undefined ? 1 : Number(q.slice(2))
  return weight >= 0 && weight <= 1 ? weight : 0
}
