// How a code reaches the payment.

export type EntryMode = 'MPM_STATIC' | 'MPM_DYNAMIC' | 'CPM' | 'IN_APP'
