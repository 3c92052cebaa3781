"""`tidegate top`: services, as gateways see them at this moment."""
