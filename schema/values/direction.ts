// The side of the programme that a corridor serves.

export type Direction = 'INBOUND' | 'OUTBOUND' | 'LOCAL' | 'THIRD_MARKET'
