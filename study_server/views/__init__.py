"""The views: they parse a request, call a service and render; they contain no SQL or randomness."""
