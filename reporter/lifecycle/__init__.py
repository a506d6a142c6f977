"""One pod's life beside the worker: from the first file on the shared volume to SIGTERM."""
