// Which side of the programme a corridor serves.

export type Direction = 'INBOUND' | 'OUTBOUND' | 'LOCAL' | 'THIRD_MARKET'
