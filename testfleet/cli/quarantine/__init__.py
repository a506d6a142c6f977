"""The commands of `testfleet quarantine`."""
