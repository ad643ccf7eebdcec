"""Background work: the queue of jobs, the code that claims and runs them, and each kind of job."""
