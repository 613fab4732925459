// Ids as types of their own: neither a PaymentId nor a plain string compiles where a MerchantId is expected.

declare const tag: unique symbol

/**
 * `Base` with the mark `Name`, which exists for the compiler only. A value receives its brand by a cast,
 * where input is parsed or a document is read.
 */
export type Brand<Base, Name extends string> = Base & { readonly [tag]: Name }

/** A readable, stable id: "wallet-th-01". */
export type ParticipantId = Brand<string, 'ParticipantId'>
/** The agreement behind corridors: "th-promptpay". */
export type ProjectId = Brand<string, 'ProjectId'>
/** Wallet country, a dash, merchant country: "TH-CN". */
export type CorridorId = Brand<string, 'CorridorId'>
export const corridorIdOf = (walletCountry: string, merchantCountry: string): CorridorId =>
  `${walletCountry}-${merchantCountry}` as CorridorId
/** The acquirer's id, a dot, the acquirer's own number: "acquirer-cn-01.M000001". */
export type MerchantId = Brand<string, 'MerchantId'>
/** A code that a merchant shows. */
export type MerchantCodeId = Brand<string, 'MerchantCodeId'>
/** An aggregated QR product: "unionpay". */
export type QrProductId = Brand<string, 'QrProductId'>
/** What a shop gives: the merchant's id, a colon and a number. */
export type OfferId = Brand<string, 'OfferId'>
/** UUID version 7, sorts by time. */
export type QuoteId = Brand<string, 'QuoteId'>
/** UUID version 7, sorts by time. */
export type PaymentId = Brand<string, 'PaymentId'>
/** UUID version 7, sorts by time. */
export type RefundId = Brand<string, 'RefundId'>
/** A payment's or a refund's id. */
export type TransactionId = PaymentId | RefundId
/** A code that a customer shows. */
export type PresentedCodeId = Brand<string, 'PresentedCodeId'>
/** UUID version 7, sorts by time. */
export type WebhookId = Brand<string, 'WebhookId'>
/** Subject, kind and the minute in which it began: "corridor:TH-CN.DECLINES.2026-03-01T12:04Z". */
export type AlertId = Brand<string, 'AlertId'>
/** The settlement currency and number of a batch. */
export type SettlementBatchId = Brand<string, 'SettlementBatchId'>
/** Participant, operation and idempotency key, as one text. */
export type UsedKeyId = Brand<string, 'UsedKeyId'>
