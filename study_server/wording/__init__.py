"""What the participants of one study read: texts that its researcher edits, a file each.

LANGUAGE/PART.md here are the defaults, which `study new` writes beside study.toml; `study import`
reads them back, and from then on the database has them. docs/wording.md tells all of it.
"""
