"""`make demo`: from a clone to a model that answers, on a real Kubernetes."""
