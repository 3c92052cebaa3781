"""How many replicas, and when: our law and its peers over hours of simulated traffic, in seconds."""
