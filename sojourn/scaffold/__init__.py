"""The files that `sojourn new` and `sojourn add` write: a project, and journeys that ship.

``project/`` holds the files of a new project as they are written. Journeys that ship are those of
the repository itself; the wheel carries them as data (`sojourn.scaffold.shipped`).
"""
