"""Brings a model from a hub into the cache: the process of loader and inspect Jobs.

Owns the cache's layout and everything between a model's name and checked weights in a folder. Has no rights in
Kubernetes and must not know it; what it decides is in modules without I/O. Needs requests, and the checks that
workers make before they start.
"""
