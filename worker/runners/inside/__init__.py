"""What runs inside the suites' own processes. It imports nothing else of ours, so that it works in any suite."""
