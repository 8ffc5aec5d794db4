/** The engine's fault and not the request's: the same request may well succeed in a moment, or elsewhere (503). */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/** What a model is to run on can't be had on this machine; the message says what to install. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
}
