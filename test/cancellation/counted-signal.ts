type AddListener = (type: string, listener: (event: Event) => void, options?: boolean | { readonly once?: boolean }) => void

/** A caller's signal that counts its listeners, to prove that calls leave none behind. */
export class CountedController extends AbortController {
  readonly #known = new Set<unknown>()
  /** How many were ever added. */
  added = 0

  constructor() {
    super()
    const signal = this.signal as unknown as { addEventListener: AddListener; removeEventListener: AddListener }
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (type, listener, options) => {
      this.#known.add(listener)
      this.added++
      add(type, listener, options)
    }
    signal.removeEventListener = (type, listener) => {
      this.#known.delete(listener)
      remove(type, listener)
    }
  }

  /** Listeners that are still there. All were made with `once`, so an abort has removed them. */
  get listeners(): number {
    return this.signal.aborted ? 0 : this.#known.size
  }
}
