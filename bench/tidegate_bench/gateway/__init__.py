"""What a request through a gateway costs: ours, its peers, and none, in one run."""
