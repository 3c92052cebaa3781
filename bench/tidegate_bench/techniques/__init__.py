"""What each technique of serving gives on a real vLLM: batching, caching, chunks, speculation, small weights.

Owns workloads, settings and figures of `make bench-engine`. Must not hold what a gateway or an operator does.
"""
