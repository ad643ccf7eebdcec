"""The pages about the participants of a study."""
