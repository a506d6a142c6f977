"""S3: every file of the artifacts folder becomes an object, several at a time and in bounded memory."""
