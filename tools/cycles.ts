/** Cycles of a directed graph, one for each strongly connected part, by Tarjan's algorithm. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const onStack = new Set<string>()
  const parts: string[][] = []

  for (const node of graph.keys()) if (!order.has(node)) visit(node)
  return parts
    .filter((part) => part.length > 1 || graph.get(part[0]!)?.includes(part[0]!))
    .map((part) => shortestRound(graph, new Set(part), [...part].sort()[0]!))

  function visit(node: string): void {
    order.set(node, order.size)
    low.set(node, order.get(node)!)
    stack.push(node)
    onStack.add(node)
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) {
        visit(next)
        low.set(node, Math.min(low.get(node)!, low.get(next)!))
      } else if (onStack.has(next)) low.set(node, Math.min(low.get(node)!, order.get(next)!))
    }
    if (low.get(node) !== order.get(node)) return
    const part = stack.splice(stack.indexOf(node))
    for (const member of part) onStack.delete(member)
    parts.push(part)
  }
}

/** The shortest way from `start` back to itself inside a connected part, without the repeated end. */
function shortestRound(graph: ReadonlyMap<string, readonly string[]>, part: ReadonlySet<string>, start: string): string[] {
  const queue: string[][] = [[start]]
  const seen = new Set<string>()
  for (const path of queue)
    for (const next of graph.get(path.at(-1)!) ?? []) {
      if (next === start) return path
      if (!part.has(next) || seen.has(next)) continue
      seen.add(next)
      queue.push([...path, next])
    }
  return [start]
}
