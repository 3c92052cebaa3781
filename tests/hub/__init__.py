"""A Hub of one's own: a folder of models, served as huggingface.co and ModelScope serve theirs.

Owns the two protocols as clients see them, with their errors, and the faults that a test switches on. Needs nothing
but the standard library and these few files, so that it runs beside a test, as `python -m hub --root DIR`, or in a Pod
from a mounted ConfigMap. Must not import anything of Tidegate.

    ROOT/ORG/NAME/…        the files of a repository, at its default branch
    ROOT/ORG/NAME@REV/…    the same at another branch or tag
    ROOT/ORG/NAME/.hub.json  {"gated": "manual", "private": true, "disabled": true, "license": "mit", "downloads": 3,
                              "likes": 1, "pipeline_tag": "text-generation", "tags": [], "names": {"../x": "text"}}
"""
