"""Routes that are made of others: many prompts in one request, our own stream of events, documents."""
