"""Benchmarks: what Tidegate costs, beside its peers, in one run."""
