"""`tidegate usage`: what each tenant has used, and what that costs at a price."""
