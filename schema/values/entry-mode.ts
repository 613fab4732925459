// How a code reaches the payer or the merchant.

export type EntryMode = 'MPM_STATIC' | 'MPM_DYNAMIC' | 'CPM' | 'IN_APP'
