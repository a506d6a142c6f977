"""The sample suites: where they and their web shop are, and which of their tools this machine has."""
