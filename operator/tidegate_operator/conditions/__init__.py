"""The conditions of an LLMService, decided by chains of pure checks: the first finding wins.

Owns what is said and why. Must not know when it was last said: `status` merges that.
"""
