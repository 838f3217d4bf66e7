/** The name of the n-th older audit file; 0 is the current one. */
export function auditFileName(name: string, index: number): string {
  return index === 0 ? name : `${name}.${index}`
}
