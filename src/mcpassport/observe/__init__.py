"""What operators see of the running service: metrics and spans; never a payload or a token."""
