"""The functions for people who work in Python; `analysis` exports them."""
