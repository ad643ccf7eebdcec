"""The pages on which the draft of a study is changed and frozen."""
