// What a key may do.

export const scopes = {
  'coverage:read': 'Read merchants and coverage.',
  'payments:write': 'Quote, pay, cancel and refund.',
  'payments:read': 'Read and follow own transactions.',
  'authorizations:write': 'Answer payments that wait for the participant.',
  'merchants:write': 'Register merchants and issue codes.',
  'analytics:read': 'Read and follow what own transactions add up to.',
  operator: 'Everything, for every participant.',
} as const

export type Scope = keyof typeof scopes
