/**
 * Many rows as a few parameters: an array per column, for `unnest`. A statement then has the same text however many rows.
 */
export function columns<Row>(rows: readonly Row[], ...of: readonly ((row: Row) => unknown)[]): unknown[] {
  return of.map((read) => rows.map(read))
}
