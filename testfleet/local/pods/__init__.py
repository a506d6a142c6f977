"""Pods as processes of this machine, and what KEDA and Kubernetes do for pods of a cluster."""
