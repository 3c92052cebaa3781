"""Who waits, and how long, when more is asked than fits."""
