"""What happens when the suite has ended: the verdict, the one final transaction, or giving the shard back."""
