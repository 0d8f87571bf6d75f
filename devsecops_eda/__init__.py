"""Event-driven DevSecOps on RabbitMQ: facts in, checks, one decision out."""
