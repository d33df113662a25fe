"""What is true without a computer: frozen values and pure decisions.

In: types, parsing, planning, editing, rendering of values to text. Standard library and pure libraries (PyYAML) only.
Not in: files, network, processes, clocks, environment variables, logging, threads. A function here that needs "now" takes it.
"""
