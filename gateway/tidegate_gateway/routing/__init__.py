"""Which worker gets a request: expected seconds to its first token. Pure, but for `signals`, which asks the workers."""
