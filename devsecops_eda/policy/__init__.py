"""Judgement: pure, no files, no clock."""
