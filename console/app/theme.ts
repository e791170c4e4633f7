/** Light, dark, or as the system says. The choice is kept in this browser. */

export type Theme = 'system' | 'light' | 'dark'

const storageKey = 'holdfast.theme'
export const themes: readonly Theme[] = ['system', 'light', 'dark']

/** Storage may be forbidden; then the choice lasts as long as the page. */
export function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem(storageKey)
    return themes.find((theme) => theme === stored) ?? 'system'
  } catch {
    return 'system'
  }
}

export function applyStoredTheme(): void {
  showTheme(storedTheme())
}

export function chooseTheme(theme: Theme): void {
  showTheme(theme)
  try {
    localStorage.setItem(storageKey, theme)
  } catch {
    // Kept for this page alone.
  }
}

function showTheme(theme: Theme): void {
  const { dataset } = document.documentElement
  if (theme === 'system') delete dataset['theme']
  else dataset['theme'] = theme
}

/** Calls `listener` whenever colours change, be it by choice or by the system. Returns what ends that. */
export function onThemeChange(listener: () => void): () => void {
  const observer = new MutationObserver(listener)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  const query = matchMedia('(prefers-color-scheme: dark)')
  query.addEventListener('change', listener)
  return () => {
    observer.disconnect()
    query.removeEventListener('change', listener)
  }
}
