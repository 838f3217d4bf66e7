/**
 * What a finished call teaches a machine.
 *
 * `neutral` gives the permit back and teaches nothing: the call was cancelled, ignored, or rejected further in.
 */
export type Outcome = 'success' | 'failure' | 'neutral'
