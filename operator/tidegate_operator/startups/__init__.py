"""How long workers take to start, part by part: asked of each worker once, kept in `status.startup`."""
