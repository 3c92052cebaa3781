"""The gateway: from a client's request with an API key to a worker's answer, byte for byte.

What decides is pure: `request` and `body` (what is asked), `auth` and `directory` (who asks), `limits` (how much),
`qos` (who goes first), `routing` (where to). What touches a socket is `server`, `exchange`, `upstream`, `watch`,
`admin`, and the two that ask others: `routing.signals` and `limits.peers`.
"""
