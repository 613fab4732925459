// What a status means for the viewer.

export type Tone = 'good' | 'bad' | 'wait' | 'none'

const tones: Readonly<Record<string, Tone>> = {
  COMPLETED: 'good',
  LIVE: 'good',
  OPEN: 'good',
  ACTIVE: 'good',
  CERTIFIED: 'good',
  SETTLED: 'good',
  DELIVERED: 'good',
  DECLINED: 'bad',
  FAILED: 'bad',
  EXPIRED: 'bad',
  REJECTED: 'bad',
  SUSPENDED: 'bad',
  DEAD: 'bad',
  REVOKED: 'bad',
  RECEIVED: 'wait',
  ROUTED: 'wait',
  IN_DOUBT: 'wait',
  REVERSING: 'wait',
  CANCELLING: 'wait',
  PENDING: 'wait',
  APPLIED: 'wait',
  REVIEW: 'wait',
  SANDBOX: 'wait',
  CERTIFYING: 'wait',
  CLOSING: 'wait',
}

export const toneOf = (status: string): Tone => tones[status] ?? 'none'
