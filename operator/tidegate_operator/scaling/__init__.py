"""How many replicas a pool needs, and why: pure decisions, from what was measured to a number with its reasons."""
