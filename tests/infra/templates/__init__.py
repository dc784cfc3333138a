"""Template tests: synthesised templates of several settings."""
