"""Findings and decisions as text, JSON and SARIF: one file per format."""
