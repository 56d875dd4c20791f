"""Webhooks: events of runs and models, sent to who asked for them. What is on disk of them: core/network/webhooks."""
