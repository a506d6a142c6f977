"""The embedded endpoint: the stand-in for SQS, S3 and Secrets Manager. It is moto's server behind a guard."""
