"""The commands that make a draft, or give it stimuli, in one step."""
