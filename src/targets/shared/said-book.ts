/** What the store knows of this process's words, so that only what is new is said. */
import type { Word } from '../../core/shared-state.ts'
import type { TargetWord } from './word.ts'
import { WORD_PREFIX } from './word.ts'

/** A word whose state in the store is not known: it is said again, or taken back. */
const UNKNOWN = ''

export class SaidBook {
  /** Meanings by target; those taken back are not in it. */
  readonly #said = new Map<string, string>()

  /** @param words what there is to say now, by target */
  unsaid(words: ReadonlyMap<string, TargetWord>): Map<string, TargetWord | undefined> {
    const news = new Map<string, TargetWord | undefined>()
    for (const [target, word] of words) if (this.#said.get(target) !== meaningOf(word)) news.set(target, word)
    for (const target of this.#said.keys()) if (!words.has(target)) news.set(target, undefined)
    return news
  }

  /** The store has taken these. */
  noted(news: ReadonlyMap<string, TargetWord | undefined>): void {
    for (const [target, word] of news)
      if (word === undefined) this.#said.delete(target)
      else this.#said.set(target, meaningOf(word))
  }

  /** The store may have forgotten, or may have taken what it did not acknowledge. */
  doubt(targets: Iterable<string> = [...this.#said.keys()]): void {
    for (const target of targets) this.#said.set(target, UNKNOWN)
  }
}

export function wordsOf(news: ReadonlyMap<string, TargetWord | undefined>): Word[] {
  return Array.from(news, ([target, value]) => ({ name: WORD_PREFIX + target, value }))
}

/** Time that passes makes no news. */
function meaningOf(word: TargetWord): string {
  return JSON.stringify(word, (key, value) => (key === 'leftMs' ? undefined : (value as unknown)))
}
