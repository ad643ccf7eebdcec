"""Handling of all requests and responses: cookies, security headers, logs, limits on bodies."""
