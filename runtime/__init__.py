"""Code that the three programs share and that is no part of the contract between them.

Settings, logs, the SIGTERM handler, waiting, durations, text and masking. It imports no program and no SDK.
"""
