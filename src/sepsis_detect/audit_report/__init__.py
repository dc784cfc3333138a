"""Report on what really happened: the audit log joined with outcomes, as text, CSV and plots."""
