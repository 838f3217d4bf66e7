export const MINIMUM_TEXT: string
export function isNewEnough(version: string): boolean
export function findNode(folders: readonly string[]): string | undefined
