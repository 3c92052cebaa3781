"""`tidegate chat` and `tidegate bench`: a client of the gateway, found in the cluster or at an address."""
