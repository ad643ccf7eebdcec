"""The protocol of a study: its model, published presets, the schedule of trials."""
