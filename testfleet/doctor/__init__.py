"""`testfleet doctor`: checks the environment that the command runs in.

Each module examines one system and returns findings; `examination` selects the systems.
"""
