"""What all commands share: options, output, errors and the way to a cluster. Must not hold a command."""
