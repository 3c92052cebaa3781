"""What a model needs of memory and what its layers can be spread over, from its config.json and file sizes.

Pure arithmetic after vLLM 0.32. Must import nothing but the standard library: it is part of several images.
"""
