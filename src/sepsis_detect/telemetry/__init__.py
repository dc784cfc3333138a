"""Logs, metrics and the audit log; none of them holds a value of a patient."""
