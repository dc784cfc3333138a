"""Model delivery: sources, sandboxed check of a candidate, disk cache, store, registry."""
