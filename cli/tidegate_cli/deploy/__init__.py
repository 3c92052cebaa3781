"""`tidegate deploy`: an LLMService out of a model's URI, or out of files, applied and followed to its first answer."""
