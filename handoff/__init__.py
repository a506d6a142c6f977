"""The contract between the worker, the reporter and the command line.

It holds the job message (`message`), the six files on the shared volume (`records`, `volume`), the characters of a
report (`characters`) and what every program does alike with its environment (`settings`, `logs`). It imports neither
side, no AWS and no database.
"""
