"""A command that says how far it is, then fails."""

import sys

print('{"progress": 0.25}\nreading\n{"progress": 7}\ntoo many arguments', file=sys.stderr)
sys.exit(2)
