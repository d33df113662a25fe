"""The pipelines of a project, in their effective form, and the runs that they become."""
