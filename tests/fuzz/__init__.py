"""Targets that read what comes from outside, each with the property that holds whatever that is.

`make fuzz` runs each for SECONDS (60), led by what of the code an input reaches (atheris) where that is installed;
`test_targets.py` runs a fixed small number of examples of each. What was found is in `test_findings.py`, by name.
"""
