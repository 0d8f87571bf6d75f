"""From the texts of policy files to a policy, or to an error that names the place."""
