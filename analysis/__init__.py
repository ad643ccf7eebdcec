"""Responses -> fooling rates that can be defended."""
