"""The laws that are compared: those of others are written anew from their published sources."""
