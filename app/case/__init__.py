"""The patient's twin as data: records, commands with undo, the bundle on disk, its lock and its audit."""
