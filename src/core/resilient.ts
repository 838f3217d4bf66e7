/**
 * Policies for methods, as a standard decorator (not the legacy `experimentalDecorators` kind).
 */
import { OptionError } from './errors.ts'
import type { Policy } from './policy.ts'
import { checkName } from './validate.ts'

const LEGACY = "Switch off `experimentalDecorators`; for functions that are no methods there is the policy's `wrap`."

/**
 * Runs every call of the method under the policy; the operation's name is the method's. One policy serves all instances, so a
 * breaker is shared by them, as it should be for one target.
 *
 * @param policy any policy or composition
 * @param operation the name for events and metrics. Default: the method's name
 * @throws OptionError on anything but a method
 * @example
 * const careful = resilient(retry({ maxAttempts: 5 }))
 * class Mailer {
 *   @careful
 *   async send(to: string) {
 *     return `sent to ${to}`
 *   }
 * }
 */
export function resilient(policy: Policy, operation?: string) {
  if (operation !== undefined) checkName(operation, 'resilient.operation')
  // The method's whole type, so that a generic or overloaded one stays what it is.
  // biome-ignore lint/suspicious/noExplicitAny: the bound that `ClassMethodDecoratorContext` itself has
  return function decorate<This, M extends (this: This, ...args: any[]) => Promise<unknown>>(
    method: M,
    context: ClassMethodDecoratorContext<This, M>,
  ): M {
    if (context?.kind !== 'method')
      throw new OptionError('resilient', 'must decorate a method, as a standard decorator', context?.kind ?? context, LEGACY)
    const name = operation ?? String(context.name)
    return function (this: This, ...args: never[]): Promise<unknown> {
      return policy.execute(() => method.apply(this, args), { operation: name })
    } as M
  }
}
