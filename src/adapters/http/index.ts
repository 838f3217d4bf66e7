/** The kind `http`: requests to what is on an allow-list, checked at every hop. */
export { AllowList } from './allow-list.ts'
export { type ForbiddenAddressDetails, ForbiddenAddressError, type HttpStatusDetails, HttpStatusError } from './http-errors.ts'
export { type HttpKind, type HttpKindOptions, type HttpResult, type HttpSendContext, httpKind } from './http-kind.ts'
export type { HttpPayload, HttpRequest } from './http-payload.ts'
export { HttpPayloadError } from './http-payload-error.ts'
