// Types of the one function of `qrcode` in use; the package has no types. Its main module also loads canvas
// and PNG writers, which take 10 MB of memory, so this is an inner module.

declare module 'qrcode/lib/core/qrcode.js' {
  export function create(
    text: string,
    options: { errorCorrectionLevel: 'L' | 'M' | 'Q' | 'H' },
  ): { modules: { size: number; data: Uint8Array } }
}
