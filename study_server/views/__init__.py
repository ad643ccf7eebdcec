"""Views parse, call a service and render; no SQL, no chance."""
