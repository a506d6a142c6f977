"""Code that runs inside the processes of suites. It imports no other package of testfleet."""
