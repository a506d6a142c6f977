"""The commands of `testfleet notices`."""
