"""One suite on this pod: its environment, sandbox and process tree, and the limits that it must keep."""
