"""`testfleet doctor`: what is missing or wrong in the environment that the command stands in.

Each module examines one system and returns findings; `examination` chooses which systems are there.
"""
