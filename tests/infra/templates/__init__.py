"""Templates of several settings, synthesised once for all tests here."""
