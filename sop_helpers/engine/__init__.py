"""Running a month: parameters, the runner, the manifest, the command line."""
