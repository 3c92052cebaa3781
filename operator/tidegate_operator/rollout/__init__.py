"""How a service goes from one version of its workers to the next: which versions there are, and how far a rollout is.

Owns these decisions. Pure: no cluster, no clock, no network; what was seen comes in, what is wanted goes out.
"""
