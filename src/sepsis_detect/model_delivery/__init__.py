"""Where models come from: sources, the check of a candidate, disk cache, store, registry."""
