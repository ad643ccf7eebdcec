"""The draft of a study: its protocol and texts, which can be changed until the design is frozen."""
