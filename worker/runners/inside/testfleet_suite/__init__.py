"""Modules for the Python process of a suite, in a package whose name no suite uses. They import only each other."""
