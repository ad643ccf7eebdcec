"""The exclusion rules, what each participant did, and who is excluded."""
