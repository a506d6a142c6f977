"""Results that no pod writes: reports of other CI systems, and verdicts of abandoned shards.

The reporter's programs write them, as in a pod.
"""
