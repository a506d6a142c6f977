"""The JUnit files of the artifacts folder: read while they grow, and from the start once the suite has ended."""
