"""`tidegate doctor`: what may keep models from being served, each with the fix."""
