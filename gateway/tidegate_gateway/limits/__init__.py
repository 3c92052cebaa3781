"""How much a tenant may use. Pure, but for `peers`, which asks the other gateways."""
