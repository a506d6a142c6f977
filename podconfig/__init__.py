"""The init container `config`: writes the platform's secret as files, one for each setting of worker and reporter."""
