// The viewer's language and theme, which are remembered on this device.

import { en, type Words } from './words/en.ts'

export type Language = 'en' | 'zh'
export type Theme = 'system' | 'light' | 'dark'

const languageStored = 'crossgate.language'
const themeStored = 'crossgate.theme'

interface Settings {
  language: Language
  /** The texts of the language. */
  words: Words
  theme: Theme
}

export const settings: Settings = $state({ language: 'en', words: en, theme: 'system' })

/** For `Intl`. */
export const locale = (): string => (settings.language === 'zh' ? 'zh-CN' : 'en-GB')

export async function setLanguage(language: Language): Promise<void> {
  settings.words = language === 'zh' ? (await import('./words/zh.ts')).zh : en
  settings.language = language
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  localStorage.setItem(languageStored, language)
}

export function setTheme(theme: Theme): void {
  settings.theme = theme
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
  localStorage.setItem(themeStored, theme)
}

/** Applies what was remembered, else what the browser prefers. */
export async function readSettings(): Promise<void> {
  const theme = localStorage.getItem(themeStored)
  if (theme === 'light' || theme === 'dark') setTheme(theme)
  const language = localStorage.getItem(languageStored) ?? navigator.language.slice(0, 2)
  if (language === 'zh') await setLanguage('zh')
}
