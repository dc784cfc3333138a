"""Authentication: API keys, and JSON Web Tokens of CDS Hooks clients."""
