"""Rules of kind ``approvals``: who may vote, which votes count, which rounds open and close."""
