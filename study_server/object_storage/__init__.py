"""Stimuli in object storage: the bucket, what a server mirrors of it, and its check."""
