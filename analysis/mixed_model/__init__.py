"""The logistic mixed model with crossed random effects."""
