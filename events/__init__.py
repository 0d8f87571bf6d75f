"""JSON Schemas of all events and their examples; installed as `devsecops_eda.events`."""
