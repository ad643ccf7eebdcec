"""Background work: the queue of jobs, how processes claim and run them, what each kind does."""
