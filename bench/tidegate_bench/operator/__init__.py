"""What the operator costs at scale: time, API calls, CPU and memory for thousands of LLMServices."""
