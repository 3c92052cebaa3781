"""The gateway: from a client's request with an API key to a worker's answer, byte for byte.

Pure decisions are in `request`, `body`, `auth`, `directory`, `pick` and `sse`; everything else touches a socket.
"""
