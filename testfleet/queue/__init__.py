"""SQS: the queue that jobs are sent to, and its dead-letter queue."""
