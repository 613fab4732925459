// The scopes of a key: the operations that it permits.

export const scopes = {
  'coverage:read': 'Read merchants and coverage.',
  'payments:write': 'Quote, pay, cancel and refund.',
  'payments:read': 'Read and subscribe to own transactions.',
  'authorizations:write': 'Answer pending requests to the participant.',
  'merchants:write': 'Register merchants and issue codes.',
  'webhooks:read': 'Read own webhooks and their deliveries.',
  'webhooks:manage': 'Create, change and delete own webhooks, and send deliveries again.',
  'keys:manage': 'List, create, rotate and revoke the keys of the own participant.',
  'analytics:read': 'Read and subscribe to figures about own transactions.',
  operator: 'All operations, for every participant.',
} as const

export type Scope = keyof typeof scopes
