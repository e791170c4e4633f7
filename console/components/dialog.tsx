/** A dialog over the page, with a form in it: Escape and "Cancel" close it, Enter does what it is for. */

import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Failure } from './states.js'

interface DialogProps {
  readonly title: string
  /** On the button that does it: "Create". Without it there is nothing to do but close. */
  readonly action?: string
  readonly isDangerous?: boolean
  readonly isReady?: boolean
  /** Closes the dialog when it has succeeded; shows the error where it fails. */
  readonly onAction?: () => Promise<void> | void
  readonly onClose: () => void
  readonly isWide?: boolean
  readonly children: ComponentChildren
}

export function Dialog(props: DialogProps) {
  const { title, action, isDangerous = false, isReady = true, onAction, onClose, isWide = false, children } = props
  const element = useRef<HTMLDialogElement>(null)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  useEffect(() => {
    element.current?.showModal()
  }, [])
  const submit = async (event: Event) => {
    event.preventDefault()
    if (!onAction || !isReady || isBusy) return
    setBusy(true)
    setError(undefined)
    try {
      await onAction()
      onClose()
    } catch (failure) {
      setError(failure)
      setBusy(false)
    }
  }
  return (
    <dialog
      ref={element}
      class={isWide ? 'is-wide' : undefined}
      aria-label={title}
      onClose={onClose}
      onMouseDown={(event) => event.target === element.current && onClose()}
    >
      <form onSubmit={submit}>
        <header>
          <h2>{title}</h2>
        </header>
        <div class="dialog-body">
          {children}
          {error !== undefined && <Failure error={error} />}
        </div>
        <footer>
          <button type="button" onClick={onClose}>
            {action ? 'Cancel' : 'Close'}
          </button>
          {action && (
            <button type="submit" class={isDangerous ? 'danger' : 'primary'} disabled={!isReady || isBusy}>
              {action}
            </button>
          )}
        </footer>
      </form>
    </dialog>
  )
}
