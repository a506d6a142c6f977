"""The contract between the worker, the reporter and the command line.

It holds the job message (`message`), the six files on the shared volume (`records`) and how they are written and read
(`volume`). It imports no program, no AWS SDK and no database driver.
"""
