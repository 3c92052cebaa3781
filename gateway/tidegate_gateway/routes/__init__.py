"""Routes that are made of others: many prompts in one request, our own stream of events, documents.

`composer` gives each such request its coroutine; `inner` lets that ask a worker through the same queue and limits as
any client's request. What they read and write is pure: `requests`, `answers`, `openapi`, `page`.
"""
