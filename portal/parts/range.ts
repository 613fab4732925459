// Ranges of time that pages offer, and the buckets that suit them.

export const rangeDays = [1, 7, 30, 90, 365] as const
export const rangeOf = (text: string | null): number => {
  const days = Number(text)
  return rangeDays.some((each) => each === days) ? days : 30
}

export const bucketOf = (days: number): 'HOUR' | 'DAY' | 'WEEK' => {
  if (days <= 7) return 'HOUR'
  return days <= 90 ? 'DAY' : 'WEEK'
}
