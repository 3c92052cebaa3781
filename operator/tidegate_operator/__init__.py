"""The operator: from an LLMService to the Deployments that serve it, and an honest status."""
