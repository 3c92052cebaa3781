"""Ports that a test hands to a process of its own, which listens there a moment later."""

import random
import socket

# Below those that the kernel gives to whoever connects somewhere (from 32768), and those of a cluster's nodes (30000):
# between the probe and the use, other tests open connections by the thousand.
FIRST, LAST = 10_240, 29_999


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port of this address on which nobody listens; drawn, so that tests beside this one get another."""
    while True:
        port = random.SystemRandom().randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
        return port
