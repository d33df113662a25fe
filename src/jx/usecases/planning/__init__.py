"""From the files of an environment to a plan. Nothing is changed."""
