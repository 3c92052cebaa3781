"""A simulator of vLLM: batching, KV cache and latency are a model; HTTP, answers, metrics and faults are real."""
