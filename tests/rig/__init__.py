"""The rig: a private RabbitMQ node, real processes, and waiting with a deadline."""
