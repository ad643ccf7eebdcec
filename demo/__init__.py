"""The demo: the whole chain on photographs that come with installed packages."""
