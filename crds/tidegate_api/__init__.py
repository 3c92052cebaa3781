"""The contract between users and Tidegate: the custom resources, and the names every part agrees on.

Must not import anything but pydantic and the standard library: each image carries it.
"""
