"""LLMModels: the cache of a namespace, the Jobs that bring models into it and take them out, and how each stands."""
