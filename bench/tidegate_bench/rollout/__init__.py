"""Streams through changes of a service's version: how many of them break."""
