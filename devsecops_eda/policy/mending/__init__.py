"""The shortest way from a decision to an allow."""
