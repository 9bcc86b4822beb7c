"""The files that `sojourn new` and `sojourn add` write: a project, and the shipped parts.

``project/`` has the files of a new project as they are written. The shipped journeys, campaigns and
audiences are those of the repository itself; the wheel contains them as data
(`sojourn.scaffold.shipped`).
"""
