"""The process in every worker Pod: looks at model and memory first, then becomes vLLM.

Must not import anything but the standard library and the names of tidegate_api: it is put beside any vLLM.
"""
