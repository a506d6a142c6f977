"""Starts the programs of testfleet as forks of one process that has imported them.

An interpreter spends one to two seconds of CPU time on the imports of a program. Hundreds of tests start programs.
"""
