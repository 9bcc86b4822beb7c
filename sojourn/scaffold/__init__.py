"""The files that `sojourn new` and `sojourn add` write: a project, and what ships.

``project/`` holds the files of a new project as they are written. Journeys, campaigns and audiences
that ship are those of the repository itself; the wheel carries them as data
(`sojourn.scaffold.shipped`).
"""
