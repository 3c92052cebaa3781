"""The command line: `tidegate`, also `kubectl tidegate`."""
