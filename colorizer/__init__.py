"""Train colorization models on photographs and create stimuli with their manifest."""

import os

# Set before torch is imported, because OpenMP threads that spin while waiting slow down every other
# program on the machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
