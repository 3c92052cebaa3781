"""How each kind of generated file is made from its source; `hack/generate.py` writes them."""
