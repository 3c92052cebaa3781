"""Where requests go: what of their prompts is found in caches, how long they wait, how even the load is."""
