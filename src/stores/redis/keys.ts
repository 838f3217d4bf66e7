/**
 * The names of keys. What one script touches has one hash tag, the part in braces, and so is on one node of a cluster.
 */
export class Keys {
  readonly #prefix: string

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  lease(name: string): string {
    return `${this.#prefix}:lease:{${tag(name)}}`
  }

  bucket(name: string): string {
    return `${this.#prefix}:bucket:{${tag(name)}}`
  }

  /** What one request was granted. */
  grant(what: 'take' | 'back', name: string, requestId: string): string {
    return `${this.#prefix}:${what}:{${tag(name)}}:${requestId}`
  }

  once(name: string): string {
    return `${this.#prefix}:once:{${tag(name)}}`
  }

  get reporters(): string {
    return `${this.#prefix}:{words}:reporters`
  }

  get words(): string {
    return `${this.#prefix}:{words}:said`
  }

  /** Where it is told that somebody said something new. */
  get channel(): string {
    return `${this.#prefix}:{words}:new`
  }

  get states(): string {
    return `${this.#prefix}:states`
  }

  get probe(): string {
    return `${this.#prefix}:probe`
  }
}

/** A brace in a name would end the tag early. */
function tag(name: string): string {
  return name.replace(/[{}%]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
}
