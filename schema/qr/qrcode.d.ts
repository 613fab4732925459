// The one function of `qrcode` that is used here; the package brings no types. Its main module also loads canvas and
// PNG writers, for 10 MB of memory, so this is the module behind it.

declare module 'qrcode/lib/core/qrcode.js' {
  export function create(
    text: string,
    options: { errorCorrectionLevel: 'L' | 'M' | 'Q' | 'H' },
  ): { modules: { size: number; data: Uint8Array } }
}
