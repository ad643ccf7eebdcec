"""What every response needs: cookies, security headers, logs, limits on bodies."""
