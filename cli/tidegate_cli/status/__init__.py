"""`tidegate status`: how services are, what they wait for, and where their models really run."""
