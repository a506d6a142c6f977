"""What the three programs share and is no part of the contract between them.

Settings and logs, the SIGTERM handler and waiting, durations, text and masking. It imports no program and no SDK.
"""
