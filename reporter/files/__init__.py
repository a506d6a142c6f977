"""S3: uploads every file of the artifacts folder, several at once and in bounded memory."""
