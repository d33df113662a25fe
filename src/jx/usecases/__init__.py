"""Verbs: the order of work. One file, one frozen Request, one class with its ports as fields and `__call__`.

A use-case reads, lets the domain decide, writes, tells. It never calls another use-case; shared steps lie below
(`plan_environment`, `propose_change`). No adapter is named here.
"""
