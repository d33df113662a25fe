"""Pipelines: the file jenkins-x.yml, what it comes to, and the Tekton objects that it is compiled to.

`shapes` reads, writes and describes the types of `syntax`; `files` reads a file and `checking` tells all its mistakes;
`packs` and `inheriting` bring in build packs, `overriding` what a project changes of them, `effective` does all of it in
order; `compiling` makes Tekton's objects. Nothing here runs anything: that is an engine's work.
"""
